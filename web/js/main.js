/** Starts the page. */

import { text } from "./strings.js";

const heading = document.createElement("h1");
heading.textContent = text("title");
document.getElementById("main")?.append(heading);
