"use strict";
// Draws every formula with the KaTeX beside this file, and says on <html> how it went.
(() => {
  const root = document.documentElement;
  const tally = { formulas: 0, rendered: 0, errors: 0, lenient: 0 };

  // What a notebook would show between dollars becomes an element of its own first.
  const undollar = (area) => {
    const texts = [];
    const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if (walker.currentNode.data.includes("$")) texts.push(walker.currentNode);
    }
    for (const text of texts) {
      if (text.parentElement.closest("pre, code, script, style")) continue;
      const made = text.data.split(/(\$\$[^$]+\$\$|\$[^$]+\$)/).map((part) => {
        if (!/^\$[^]*\$$/.test(part) || part.length < 3) return document.createTextNode(part);
        const display = part.startsWith("$$");
        const formula = document.createElement(display ? "div" : "span");
        formula.className = "math";
        formula.textContent = display ? part.slice(2, -2) : part.slice(1, -1);
        return formula;
      });
      text.replaceWith(...made);
    }
  };

  document.querySelectorAll(".cell_output").forEach(undollar);
  const formulas = [...document.querySelectorAll(".math")];
  tally.formulas = formulas.length;
  for (const formula of formulas) {
    const tex = formula.textContent;
    let lenient = 0;
    try {
      katex.render(tex, formula, {
        displayMode: formula.tagName === "DIV",
        output: "html",
        trust: false,
        throwOnError: true,
        strict: () => { lenient = 1; return "ignore"; },
      });
      tally.rendered += 1;
    } catch (problem) {
      formula.textContent = tex;
      formula.classList.add("refused");
      formula.title = problem.message;
      tally.errors += 1;
    }
    tally.lenient += lenient;
    formula.setAttribute("role", "math");
    formula.setAttribute("aria-label", tex);
  }

  document.fonts.ready.then(() => {
    Object.assign(root.dataset, tally);
    root.dataset.overflow = root.scrollWidth - root.clientWidth;
  });
})();
