// Boxes that scroll, and names for what has none.
// What is wider than its box shows it: the cut edge fades (book.css), and the box can be
// scrolled by keyboard. A box that fits is left alone, and is no stop of the Tab key.
(() => {
  const BOXES = [
    ["div.math", "Formula"],
    [".pst-scrollable-table-container, div.cell_output .text_html", "Table"],
    [".bd-article pre", "Code or output"],
  ];

  const update = (box, name) => {
    const hidden = box.scrollWidth - box.clientWidth;
    const scrolls = hidden > 1 && getComputedStyle(box).overflowX !== "visible";
    box.classList.toggle("more-right", scrolls && box.scrollLeft < hidden - 1);
    box.classList.toggle("more-left", scrolls && box.scrollLeft > 1);
    if (scrolls === (box.dataset.scrolls === "yes")) return;
    box.dataset.scrolls = scrolls ? "yes" : "no";
    for (const [attribute, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", `${name}, scrolls sideways`]]) {
      if (scrolls) box.setAttribute(attribute, value);
      else box.removeAttribute(attribute);
    }
  };

  const start = () => {
    const seen = new ResizeObserver((entries) => entries.forEach(({ target }) => target.updateScrolling()));
    for (const [selector, name] of BOXES) {
      for (const box of document.querySelectorAll(selector)) {
        box.updateScrolling = () => update(box, name);
        box.addEventListener("scroll", box.updateScrolling, { passive: true });
        seen.observe(box);
        box.updateScrolling();
      }
    }
    const again = () => document.querySelectorAll("[data-scrolls]").forEach((box) => box.updateScrolling());
    window.MathJax?.startup?.promise?.then(again);
    document.fonts.ready.then(again);
  };
  // What the theme leaves without a name for readers who listen.
  const name = () => {
    const sidebar = document.querySelector("#pst-primary-sidebar");
    if (sidebar && !sidebar.closest("nav, [role]")) {
      sidebar.setAttribute("role", "navigation");
      sidebar.setAttribute("aria-label", "Book");
    }
    for (const summary of document.querySelectorAll("li > details > summary")) {
      const link = summary.closest("li").querySelector("a");
      if (!summary.textContent.trim() && link) summary.setAttribute("aria-label", `Pages of ${link.textContent.trim()}`);
    }
    // A corner of a table that heads nothing
    for (const head of document.querySelectorAll("article th")) {
      if (head.textContent.trim()) continue;
      const cell = document.createElement("td");
      cell.className = head.className;
      head.replaceWith(cell);
    }
  };
  document.addEventListener("DOMContentLoaded", name);
  window.addEventListener("load", start);
})();
