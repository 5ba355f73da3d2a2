/**
 * Returns random bytes as base64url (RFC 4648, section 5, without padding).
 * @param {number} bytes
 * @returns {string}
 */
export function randomText(bytes) {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return btoa(String.fromCharCode(...random)).replace(/[+/=]/g, (each) => ({ "+": "-", "/": "_" })[each] ?? "");
}
