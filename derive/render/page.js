"use strict";
(() => {
  const root = document.documentElement;
  const formulas = [...document.querySelectorAll(".math")];
  const folds = [...document.querySelectorAll("details")];
  const tally = { formulas: formulas.length, rendered: 0, errors: 0, lenient: 0 };

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
    // The glyphs are hidden from screen readers, which read the source instead.
    formula.setAttribute("role", "math");
    formula.setAttribute("aria-label", tex);
  }

  // A formula a little wider than its room is set smaller; one much wider gets a box to scroll in, which a line
  // cannot do.
  const SMALLEST = 0.85;
  const boxWideFormulas = () => {
    for (const formula of formulas) {
      formula.classList.remove("wide");
      formula.style.fontSize = "";
      const block = formula.tagName === "DIV";
      const line = block ? formula : formula.closest("p, td, th, li, h1, h2, h3, header, summary, section, main");
      const width = block ? formula.scrollWidth : formula.getBoundingClientRect().width;
      const room = line.clientWidth / width;
      if (block && room < 1 && room >= SMALLEST) formula.style.fontSize = `${Math.floor(100 * room) - 1}%`;
      else if (room < 1) formula.classList.add("wide");
    }
  };

  const unfolded = (action) => {
    const closed = folds.filter((fold) => !fold.open);
    for (const fold of closed) fold.open = true;
    action();
    return closed;
  };
  const fold = (closed) => { for (const each of closed) each.open = false; };

  const measure = () => fold(unfolded(() => {
    boxWideFormulas();
    root.dataset.overflow = root.scrollWidth - root.clientWidth;
  }));

  document.getElementById("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.style.colorScheme = (root.style.colorScheme || system) === "dark" ? "light" : "dark";
  });

  // Paper has neither folds nor scroll bars.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = unfolded(() => {
      for (const formula of document.querySelectorAll(".math.wide")) {
        const room = formula.clientWidth / formula.scrollWidth;
        if (room < 1) formula.style.fontSize = `${Math.floor(100 * room) - 1}%`;
      }
    });
  });
  addEventListener("afterprint", () => {
    fold(opened);
    measure();
  });

  document.fonts.ready.then(() => {
    measure();
    addEventListener("resize", measure);
    Object.assign(root.dataset, tally);
  });
})();
