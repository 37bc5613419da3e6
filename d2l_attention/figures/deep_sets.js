// Digits on a table: a deep set and an LSTM say their sum. The reader adds digits, takes them away, shuffles them.
(() => {
  "use strict";
  const { html, titled, show, row, map, add, affine, lstmStep } = D2L;
  const START = [3, 1, 4, 1, 5, 9], ADDED = "0123456789".split("");
  const PREDICT = "Predict first. The digits are shuffled. Whose answer will change?";
  const PREDICTIONS = { neither: "neither", lstm: "the LSTM\u2019s", both: "both" };
  const THEN = "Shuffle some times. Then add digits until there are more than twenty, and compare both answers with the sum.";

  // ----------------------------------------------------------------------------------------------------------- the model
  const oneHot = (digit) => row(Array.from({ length: 10 }, (_, k) => Number(k === digit)));

  // f(X) = c + sum_i w . tanh(V x_i + b): each digit's share, and the sum; and what an LSTM says after the last digit
  function compute({ V, b, w, c, E, W_x, W_h, w_lstm, c_lstm }, { digits }) {
    const shares = digits.map((digit) => affine(map(affine(oneHot(digit), V, b), Math.tanh), w).data[0]);
    const sum = shares.reduce((total, share) => total + share, c.data[0]);
    const none = row(new Float64Array(4 * W_h.shape[1])), start = row(new Float64Array(W_h.shape[1]));
    let state = { h: start, c: start };
    for (const digit of digits) state = lstmStep(row([...affine(oneHot(digit), E).data, 1]), state, { W_x, b_x: none, W_h, b_h: none });
    return { shares, sum, lstm: add(affine(state.h, w_lstm), c_lstm).data[0] };
  }

  // ------------------------------------------------------------------------------------------------------ what is written
  const initial = () => ({ digits: [...START] });

  // "3 1 4": digits, or words that say what is wrong
  function read({ most }, text) {
    const digits = text.replace(/[\s,;{}]+/g, "");
    if (!/^\d*$/.test(digits)) return "Write digits from 0 to 9: 3 1 4";
    if (digits.length > most) return `There is room for ${most} digits.`;
    return [...digits].map(Number);
  }

  // Another order, if there is one
  function shuffled(digits) {
    if (new Set(digits).size < 2) return [...digits];
    for (;;) {
      const order = digits.map((digit) => [Math.random(), digit]).sort(([x], [y]) => x - y).map(([, digit]) => digit);
      if (order.join("") !== digits.join("")) return order;
    }
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights };
    D2L.prompt(live, PREDICT, PREDICTIONS, THEN);
    const left = html(live, "div", { class: "picture photographed" });
    titled(left, "Digits, and what each adds to the deep set\u2019s answer");
    view.table = html(left, "div", { class: "table", role: "group", "aria-label": "Digits on the table: press one to take it away" });
    view.answers = html(left, "table", { class: "answers" });
    view.verdict = html(left, "p", { class: "verdict", role: "status" });
    const panel = html(live, "div", { class: "panel" });
    titled(panel, "Add a digit");
    const line = html(panel, "div", { class: "tokens small", role: "group", "aria-label": "Add a digit" });
    view.offered = ADDED.map((digit) => D2L.button(line, digit, () => change(view, [...view.figure.state.digits, Number(digit)]), { "aria-label": `Add ${digit}` }));
    const edits = html(panel, "div", { class: "tokens small edits" });
    D2L.button(edits, "Shuffle", () => change(view, shuffled(view.figure.state.digits)));
    D2L.button(edits, "Twice", () => change(view, [...view.figure.state.digits, ...view.figure.state.digits].slice(0, view.network.most)));
    D2L.button(edits, "Take all away", () => change(view, []));
    D2L.button(edits, "Reset", () => change(view, initial().digits));
    html(panel, "label", { for: `${figure.root.id}-text`, class: "caption" }, "or type the digits");
    view.text = html(panel, "input", { type: "text", id: `${figure.root.id}-text`, inputmode: "numeric", spellcheck: "false" });
    view.text.addEventListener("change", () => {
      const digits = read(view.network, view.text.value);
      if (typeof digits === "string") return void (view.problem.textContent = digits);
      change(view, digits);
    });
    view.problem = html(panel, "p", { class: "complaint", role: "alert" });
    html(live, "div", { class: "hint" }, `Both networks were trained on sums of 1 to ${view.network.longest} digits and were told nothing but the sum. A bar is the share of its digit; the shares and a constant add up to the deep set\u2019s answer.`);
    return view;
  }

  function change(view, digits) {
    view.problem.textContent = "";
    view.figure.state.digits = digits;
    view.figure.update();
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { shares, sum, lstm }, { digits }) {
    drawTable(view, shares, digits);
    const right = digits.reduce((total, digit) => total + digit, 0);
    view.answers.replaceChildren();
    const body = html(view.answers, "tbody");
    for (const [name, answer] of [["deep set", sum], ["LSTM", lstm]]) {
      const line = html(body, "tr"), agrees = Math.round(answer) === right;
      html(line, "th", { scope: "row" }, name);
      html(line, "td", {}, show(answer, 2));
      html(line, "td", { class: agrees ? "" : "wrong" }, agrees ? "right when rounded" : "wrong");
    }
    const verdict = digits.length ? `${digits.length} digit${digits.length > 1 ? "s" : ""}, sum ${right}.` : "The empty set: its sum is 0.";
    if (view.verdict.textContent !== verdict) view.verdict.textContent = verdict;
    for (const button of view.offered) button.disabled = digits.length >= view.network.most;
    if (document.activeElement !== view.text) view.text.value = digits.join(" ");
    Object.assign(view.figure.root.dataset, { digits: digits.join(" "), sum: show(sum, 2), lstm: show(lstm, 2) });
  }

  function drawTable(view, shares, digits) {
    const focused = [...view.table.children].indexOf(document.activeElement);
    view.table.replaceChildren();
    digits.forEach((digit, place) => {
      const label = `${digit}, adds ${show(shares[place], 2)}: take it away`;
      const card = D2L.button(view.table, "", () => change(view, digits.filter((_, other) => other !== place)), { class: "card", "aria-label": label });
      html(card, "span", { class: "share" }).style.height = `${Math.max(1, 6 * shares[place])}px`;
      html(card, "span", { class: "digit" }, String(digit));
    });
    if (focused >= 0) (view.table.children[Math.min(focused, digits.length - 1)] ?? view.offered[0]).focus();
  }

  D2L.addFigure("deep_sets", { initial, build, compute, draw });
})();
