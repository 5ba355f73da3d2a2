/**
 * Elements whose content is text only: nothing that a model, a traveller or the API wrote becomes markup.
 */

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>} Attributes */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes] A function is called at the event of its name. Of what is false or null, none is set.
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * Make an element of a drawing.
 *
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {Element}
 */
export function makeSvg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {E}
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

/**
 * Replace what an element holds. The focus stays at its button where that is there again, and is never lost.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  const { activeElement: focused } = document;
  const isWithin = element !== focused && element.contains(focused);
  element.replaceChildren(...present(children));
  if (!isWithin) return;
  const same = [...element.querySelectorAll("button")].find((each) => each.textContent === focused?.textContent);
  // They may have scrolled on since.
  (same ?? byId("query")).focus({ preventScroll: true });
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  return /** @type {(Node | string)[]} */ (children.filter((child) => child instanceof Node || child));
}

/**
 * Return the element of the HTML that has an id.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return /** @type {E} */ (found);
}

/**
 * Make a button.
 *
 * @param {string} label
 * @param {(event: Event) => void} click
 * @param {string} [kind] A class of app.css.
 * @returns {HTMLButtonElement}
 */
export function button(label, click, kind = "") {
  return make("button", { type: "button", class: kind || null, click }, label);
}

/**
 * Make what separates the direction of a name from that of the sentence around it.
 *
 * @param {string} name
 * @returns {HTMLElement}
 */
export function bdi(name) {
  return make("bdi", {}, name);
}

/**
 * Ask before something that cannot be undone.
 *
 * @param {string} question
 * @param {string} yes
 * @param {string} no
 * @returns {Promise<boolean>}
 */
export function confirmed(question, yes, no) {
  return new Promise((resolve) => {
    const said = make("p", { id: "dialog-question" }, question);
    const buttons = make(
      "div",
      { class: "buttons" },
      button(yes, () => dialog.close("yes"), "primary"),
      button(no, () => dialog.close()),
    );
    const dialog = make("dialog", { "aria-labelledby": "dialog-question" }, said, buttons);
    dialog.addEventListener("close", () => {
      dialog.remove();
      // The button that opened it may have been replaced meanwhile.
      if (document.activeElement === document.body) byId("query").focus({ preventScroll: true });
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
