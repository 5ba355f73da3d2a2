/** What this device keeps for the page. Where a browser forbids or fills it, the page works without. */
export class DeviceStorage {
  #prefix;
  #storage;

  /**
   * @param {string} base what the paths of the stage begin with: stages of one host keep apart
   * @param {() => Storage} storage returns it, or throws where it is forbidden
   */
  constructor(base, storage = () => globalThis.localStorage) {
    this.#prefix = `travel-gpt:${base}:`;
    this.#storage = storage;
  }

  /**
   * @param {string} name
   * @returns {unknown} what was kept, as JSON; null where there is nothing that can be read
   */
  read(name) {
    try {
      return JSON.parse(this.#storage().getItem(this.#prefix + name) ?? "null");
    } catch {
      return null;
    }
  }

  /**
   * @param {string} name
   * @param {unknown} value
   * @returns {boolean} whether it is kept: not where the storage is full or forbidden
   */
  write(name, value) {
    try {
      this.#storage().setItem(this.#prefix + name, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  /** @param {string} name */
  remove(name) {
    try {
      this.#storage().removeItem(this.#prefix + name);
    } catch {
      // Then there is nothing to remove.
    }
  }
}
