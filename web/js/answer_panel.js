import { announce } from "./announcer.js";
import { answerEnd } from "./answer_end.js";
import { AnswerView } from "./answer_view.js";
import { Asking } from "./asking.js";
import { byId, fill } from "./elements.js";
import { describe } from "./errors.js";
import { notice, showProblem } from "./notices.js";
import { hideProgress, showProgress } from "./progress_view.js";
import { text } from "./strings.js";
import { TripView } from "./trip_view.js";

/** The part of the page that has the answer: from the question that is sent to the whole, or to what failed. */

/** @typedef {import("./asking.js").Answered} Answered */
/** @typedef {{ request: Api.Query, key?: string }} PanelQuestion with the key of an earlier try, it is paid for once */

export class AnswerPanel {
  /** @type {Asking | null} */
  #asking = null;
  /** @type {AnswerView | TripView | null} */
  #view = null;
  #days = 0;
  /** @type {Set<number>} */
  #written = new Set();

  /**
   * @param {import("./asking.js").AnswerApi} api
   * @param {object} calls
   * @param {(question: PanelQuestion) => void} calls.began
   * @param {(question: PanelQuestion, answered: Answered | null) => void} calls.ended null: it failed
   * @param {() => void} calls.change the reader wants to change the question
   */
  constructor(api, calls) {
    this.api = api;
    this.calls = calls;
    /** Whether the API streams. */
    this.streaming = true;
    byId("stop").addEventListener("click", () => {
      showProgress(text("progress.stopping"));
      void this.#asking?.stop();
    });
  }

  get busy() {
    return this.#asking !== null;
  }

  /**
   * Asks, and shows the answer while it arrives.
   * @param {PanelQuestion} question
   */
  async ask(question) {
    const { request, key } = question;
    const { streaming } = this;
    this.#open(request);
    byId("answer-heading").focus();
    showProgress(text(streaming ? "progress.asking" : "progress.waiting"));
    const handlers = this.#handlers(request);
    const asking = new Asking(this.api, request, key ? { key, streaming, handlers } : { streaming, handlers });
    this.#asking = asking;
    const asked = { request, key: asking.key };
    this.calls.began(asked);
    /** @type {Answered | null} */
    let answered = null;
    try {
      answered = await asking.run();
    } catch (error) {
      showProblem(byId("answer-notices"), error, () => void this.ask(asked));
    }
    this.#asking = null;
    const focused = byId("progress").contains(document.activeElement);
    hideProgress();
    if (focused) byId("answer-heading").focus();
    if ((!answered || answered.stopped) && this.#view instanceof TripView) {
      this.#view.end();
      // The days that are there may be paid for.
      if (answered && this.#view.trip) answered.itinerary ??= this.#view.trip;
    }
    if (answered) {
      this.#end(request, answered);
      announce(this.#outcome(answered));
    }
    this.calls.ended(asked, answered);
  }

  /**
   * Offers the answer to a question that was under way when the page was loaded again.
   * @param {PanelQuestion} question
   */
  offer(question) {
    this.#open(question.request);
    const actions = [{ label: text("answer.continue"), act: () => void this.ask(question) }];
    fill(byId("answer-notices"), notice("plain", text("answer.interrupted"), actions));
  }

  /**
   * Shows an answer that was given before.
   * @param {Api.Query} request
   * @param {Answered} answered
   */
  show(request, answered) {
    this.#open(request);
    if (answered.itinerary) {
      const trip = this.#tripView();
      if (answered.understood) trip.whole(answered.itinerary, answered.understood);
      else trip.part(answered.itinerary);
      if (answered.checks && answered.repair) trip.checked(answered.checks, answered.repair);
    } else this.#answerView().add(answered.answer);
    this.#end(request, answered);
    byId("answer-heading").focus();
  }

  /** @param {Api.Query} request */
  #open(request) {
    document.body.classList.add("asked-once");
    byId("answer").hidden = false;
    byId("asked").textContent = request.query;
    nameTab(request.query);
    byId("answer-heading").textContent = text(request.format === "itinerary" ? "trip.planning" : "answer.heading");
    this.#clear();
  }

  #clear() {
    this.#view = null;
    this.#days = 0;
    this.#written.clear();
    for (const id of ["answer-notices", "answer-body", "answer-end"]) fill(byId(id));
  }

  /**
   * @param {Api.Query} request
   * @returns {import("./asking.js").AskHandlers}
   */
  #handlers(request) {
    const trip = request.format === "itinerary";
    return {
      start: ({ repeated }) => {
        this.#clear();
        if (repeated) fill(byId("answer-notices"), notice("plain", text("answer.repeated")));
        showProgress(text(trip ? "progress.outline" : "progress.writing"));
      },
      delta: (data) => this.#answerView().add(data.text),
      outline: ({ itinerary }) => {
        this.#days = itinerary.days.length;
        this.#tripView().outline(itinerary);
        this.#showDays();
      },
      day: ({ day }) => {
        this.#written.add(day.number);
        this.#tripView().day(day, false);
        this.#showDays();
      },
      revised: ({ day }) => {
        this.#tripView().day(day, true);
        showProgress(text("progress.repairing", { count: this.#tripView().changed.size }));
      },
      itinerary: ({ itinerary, understood }) => {
        this.#tripView().whole(itinerary, understood);
        showProgress(text("progress.checking"));
      },
      checks: ({ checks, repair }) => this.#tripView().checked(checks, repair),
      waiting: ({ error }) => showProgress(text("progress.again", { problem: describe(error).cause })),
    };
  }

  #showDays() {
    const [done, all] = [this.#written.size, this.#days];
    if (done < all) showProgress(text("progress.days", { done, all }), done, all);
    else showProgress(text("progress.checking"));
  }

  #tripView() {
    if (!(this.#view instanceof TripView)) this.#view = new TripView(byId("answer-heading"), byId("answer-body"));
    return this.#view;
  }

  #answerView() {
    if (!(this.#view instanceof AnswerView)) this.#view = new AnswerView(byId("answer-heading"), byId("answer-body"));
    return this.#view;
  }

  /**
   * @param {Api.Query} request
   * @param {Answered} answered
   */
  #end(request, answered) {
    const title = answered.itinerary?.title || request.query;
    nameTab(title);
    if (answered.stopped) byId("answer-notices").append(notice("plain", stopped(answered)));
    fill(byId("answer-end"), answerEnd(request, answered, title, this.calls.change));
  }

  /** @param {Answered} answered */
  #outcome(answered) {
    if (answered.stopped) return stopped(answered);
    return this.#view instanceof TripView ? this.#view.outcome() : text("answer.complete");
  }
}

/**
 * Names the tab: browsers name a bookmark and a printed file after it too.
 * @param {string} name
 */
function nameTab(name) {
  document.title = `${name.slice(0, 100)} · ${text("title")}`;
}

/** @param {Answered} answered */
function stopped({ answer, itinerary }) {
  return text(answer || itinerary ? "answer.stopped" : "answer.stopped_empty");
}
