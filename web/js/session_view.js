import { announce } from "./announcer.js";
import { button, byId, confirmed, fill, make } from "./elements.js";
import { ApiError, describe } from "./errors.js";
import { dollars } from "./format.js";
import { notice, showProblem } from "./notices.js";
import { randomText } from "./random.js";
import { text } from "./strings.js";

/** Who is signed in on this device, and invitations. */

const CODE = /^#invitation=([\w-]{16,100})$/;
const REDEMPTION = "redemption";
const NONCE_BYTES = 32;
const LONGEST_DEVICE_NAME = 60;

/** @typedef {Api.Me} Me */

export class SessionView {
  /**
   * @param {Pick<import("./http.js").PageApi, "redeem" | "signOut">} api
   * @param {import("./device_storage.js").DeviceStorage} tab what this tab keeps
   * @param {() => Promise<void>} refresh asks the API again who is signed in
   */
  constructor(api, tab, refresh) {
    this.api = api;
    this.tab = tab;
    this.refresh = refresh;
    /** @type {Me | null} */
    this.me = null;
    /** The invitation that is shown. */
    this.shown = "";
    addEventListener("hashchange", () => this.#show());
  }

  /**
   * Shows who is signed in, an invitation, or what keeps questions from being answered.
   * @param {Me} me
   * @param {boolean} saysFailure false: the page says the latter already
   */
  show(me, saysFailure) {
    this.me = me;
    if (saysFailure) this.#show();
    else this.#showAccount(me);
  }

  #show() {
    const { me } = this;
    if (!me) return;
    this.#showAccount(me);
    const code = invitationCode();
    if (code && me.access === "invitation") this.#invite(code, me);
    else if (me.session === "expired") showProblem(byId("notices"), new ApiError("session_expired"));
    // Before what is said without a session: where the server failed, it could not look for one.
    else if (me.problem) {
      const { code: problem, message, retry_after: retryAfter } = me.problem;
      showProblem(byId("notices"), new ApiError(problem, { message, retryAfter }), () => void this.refresh());
    } else if (me.access === "invitation" && me.session === "none") {
      fill(byId("notices"), notice("plain", text("session.none")));
    } else fill(byId("notices"));
  }

  /** @param {Me} me */
  #showAccount(me) {
    const { client, budget } = me;
    fill(
      byId("account"),
      client && make("span", {}, text("session.name", { name: client.name })),
      budget && make("span", {}, text("session.left", { amount: dollars(budget.left_usd) })),
      client && button(text("session.sign_out"), () => void this.#signOut(), "quiet small"),
    );
  }

  /**
   * @param {string} code
   * @param {Me} me
   */
  #invite(code, me) {
    const other = me.client?.name;
    const shown = `${code} ${other}`;
    // A name that is being typed there stays.
    if (this.shown === shown && document.getElementById("device")) return;
    this.shown = shown;
    const device = make("input", { id: "device", maxlength: LONGEST_DEVICE_NAME, dir: "auto", autocomplete: "off" });
    device.value = deviceName();
    const problem = make("p", { class: "problem", role: "alert" });
    const accept = button(text("invitation.accept"), () => void this.#accept(code, device.value, accept, problem), "primary");
    const invitation = make(
      "section",
      { class: "notice plain", "aria-labelledby": "invitation-heading" },
      make("h2", { id: "invitation-heading" }, text("invitation.heading")),
      make("p", {}, text("invitation.said", { host: location.host })),
      other && make("p", {}, text("invitation.other", { name: other })),
      make(
        "div",
        { class: "field" },
        make("label", { for: "device" }, text("invitation.device")),
        device,
        make("p", { class: "hint" }, text("invitation.device_hint")),
      ),
      problem,
      accept,
    );
    fill(byId("notices"), invitation);
  }

  /**
   * @param {string} code
   * @param {string} device
   * @param {HTMLButtonElement} accept
   * @param {HTMLElement} problem
   */
  async #accept(code, device, accept, problem) {
    const name = this.me?.client?.name;
    if (name) {
      const replaces = await confirmed(
        text("invitation.replace", { name }),
        text("invitation.replace_yes"),
        text("invitation.stay", { name }),
      );
      if (!replaces) return;
    }
    accept.disabled = true;
    problem.textContent = "";
    try {
      const named = device.trim() || deviceName();
      const { client } = await this.api.redeem({ code, nonce: this.#nonceFor(code), device: named });
      this.tab.remove(REDEMPTION);
      // No one else is to find the code in the address bar or a bookmark. Until now another browser could open it.
      history.replaceState(null, "", location.pathname + location.search);
      await this.refresh();
      announce(text("invitation.accepted", { name: client.name }));
      byId("query").focus();
    } catch (error) {
      problem.textContent = describe(error).text;
      accept.disabled = false;
      accept.focus();
    }
  }

  /**
   * Returns the random value that makes a repeated redemption the same, also after the page was loaded again.
   * @param {string} code
   */
  #nonceFor(code) {
    const kept = /** @type {{ code?: unknown, nonce?: unknown } | null} */ (this.tab.read(REDEMPTION));
    if (kept?.code === code && typeof kept.nonce === "string") return kept.nonce;
    const nonce = randomText(NONCE_BYTES);
    this.tab.write(REDEMPTION, { code, nonce });
    return nonce;
  }

  async #signOut() {
    const said = text("session.sign_out_question");
    if (!(await confirmed(said, text("session.sign_out"), text("page.cancel")))) return;
    try {
      await this.api.signOut();
      announce(text("session.signed_out"));
    } catch (error) {
      fill(byId("notices"), notice("error", describe(error).text));
      return;
    }
    await this.refresh();
    byId("query").focus();
  }
}

/** @returns {string} the code of the invitation in the address, or nothing */
function invitationCode() {
  return CODE.exec(location.hash)?.[1] ?? "";
}

/** Returns a name by which the owner can tell this browser from others: what it says about itself, in short. */
function deviceName() {
  const said = (/** @type {string[]} */ ...names) => names.find((name) => navigator.userAgent.includes(name));
  // Edge says that it is Chrome too, Chrome that it is Safari, and Android that it is Linux.
  const parts = [said("Firefox", "Edg", "Chrome", "Safari"), said("iPhone", "iPad", "Android", "Windows", "Mac", "Linux")];
  return parts.filter(Boolean).join(", ").replace("Edg,", "Edge,") || text("invitation.this_device");
}
