import { announce } from "./announcer.js";
import { AnswerPanel } from "./answer_panel.js";
import { DeviceStorage } from "./device_storage.js";
import { FormDraft } from "./draft.js";
import { byId } from "./elements.js";
import { FormView } from "./form_view.js";
import { QuestionHistory } from "./history.js";
import { HistoryView } from "./history_view.js";
import { PageApi } from "./http.js";
import { showProblem } from "./notices.js";
import { EMPTY_FORM, formOf, requestOf } from "./question.js";
import { unfoldBeforePrinting } from "./saving.js";
import { SessionView } from "./session_view.js";
import { isTextKey, LANGUAGE, text } from "./strings.js";

/** Starts the page: connects the form, the answer, the history and the session. */

/** @typedef {import("./answer_panel.js").PanelQuestion} PanelQuestion */

/** The question that this tab is asking: it is offered again where the page is loaded again meanwhile. */
const UNDER_WAY = "asking";

start();

function start() {
  showTexts();
  skipWithoutFragment();
  unfoldBeforePrinting();
  const base = document.querySelector("meta[name=base]")?.getAttribute("content") ?? "";
  const api = new PageApi(base);
  const tab = new DeviceStorage(base, () => sessionStorage);
  const device = new DeviceStorage(base);
  const draft = new FormDraft(tab, device);
  const history = new QuestionHistory(device);
  const form = new FormView({ ask, change: () => draft.save(form.values()) });
  const panel = new AnswerPanel(api, { began, ended, change: () => form.focus() });
  const earlier = new HistoryView(history, draft, open);
  const session = new SessionView(api, tab, refresh);
  /** The days of the longest trip. */
  let mostDays = 14;

  form.fill(draft.load() ?? EMPTY_FORM);
  offerInterrupted();
  earlier.show();
  void refresh();

  function ask() {
    if (isBusy()) return;
    // It may be from another tab's draft until now.
    draft.save(form.values());
    const { request, problems } = requestOf(form.values(), mostDays);
    form.showProblems(problems);
    if (problems.length === 0) void panel.ask({ request });
  }

  /** @param {PanelQuestion} question */
  function began({ request, key = "" }) {
    form.setBusy(true);
    tab.write(UNDER_WAY, key);
    history.asked(key, request);
  }

  /**
   * @param {PanelQuestion} question
   * @param {import("./asking.js").Answered | null} answered
   */
  function ended({ key = "" }, answered) {
    form.setBusy(false);
    tab.remove(UNDER_WAY);
    if (answered?.answer || answered?.itinerary) history.answered(key, answered);
    else history.failed(key);
    earlier.show();
    // Where the answer failed it says why: that is not said twice.
    void refresh(answered !== null);
  }

  /** Offers the question that was being answered when the page was loaded again. */
  function offerInterrupted() {
    const key = tab.read(UNDER_WAY);
    const entry = history.entries().find(({ id, state }) => id === key && state === "asked");
    if (!entry) return;
    panel.offer({ request: entry.request, key: entry.id });
  }

  /** @param {import("./history.js").HistoryEntry} entry */
  function open({ request, answer }) {
    if (isBusy()) return;
    form.replace(formOf(request));
    if (answer) panel.show(request, answer);
    else form.focus();
  }

  /** An answer that is being written has to be stopped first: so this moves to where that is done. */
  function isBusy() {
    if (panel.busy) {
      byId("stop").focus();
      announce(text("form.busy"));
    }
    return panel.busy;
  }

  /**
   * Asks the API who is signed in, and what is left.
   * @param {boolean} saysFailure whether the page is to say what keeps questions from being answered
   */
  async function refresh(saysFailure = true) {
    try {
      const me = await api.me();
      panel.streaming = me.streaming;
      mostDays = me.itinerary_days;
      session.show(me, saysFailure);
    } catch (error) {
      if (saysFailure) showProblem(byId("notices"), error, () => void refresh());
    }
  }
}

/** Fills in the texts of the HTML. */
function showTexts() {
  document.documentElement.lang = LANGUAGE;
  document.title = text("title");
  // The icon is a URL that holds it, and is in the HTML only once.
  byId("mark").setAttribute("src", document.querySelector("link[rel=icon]")?.getAttribute("href") ?? "");
  for (const element of document.querySelectorAll("[data-text]")) {
    const key = element.getAttribute("data-text") ?? undefined;
    if (isTextKey(key)) element.textContent = text(key);
  }
}

/** The link to the form moves the focus, and leaves the fragment of the address to invitations. */
function skipWithoutFragment() {
  document.querySelector("a.skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    byId("query").focus();
  });
}
