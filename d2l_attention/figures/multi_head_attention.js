// Networks with one, two and four heads say which of two lines of a menu is dearer: every head's map, and each can be switched off.
(() => {
  "use strict";
  const { html, svg, set, titled, show, stack, row, map, take, transpose, matmul, add, affine, softmax } = D2L;
  const START = [["tea", 2], ["coffee", 3], ["cake", 4], ["soup", 6.5], ["juice", 2.6]];
  const CELL = 18, LEFT = 46, TOP = 42; // pixels of a map
  const PREDICT = "Predict first. A network with one head brings back one number from the menu. Of its comparisons, how many will be right?";
  const PREDICTIONS = { half: "half", three: "three quarters", all: "nearly all" };
  const THEN = "Choose one head, and find a price at which it is wrong. Then choose two heads, look at both maps, and switch one off.";

  // ----------------------------------------------------------------------------------------------------------- the model
  const range = (from, to) => Array.from({ length: to - from }, (_, k) => from + k);
  const columns = (x, from, to) => transpose(take(transpose(x), range(from, to)));
  const numberOf = (names, name) => {
    if (!names.includes(name)) throw new Error(`\u201c${name}\u201d is no name of a line`);
    return names.indexOf(name);
  };

  // c = sum_h softmax(Q_h K_h^T / sqrt(d / H)) V_h W_o,h: weights (H, m, n), and the probability of yes for each question (m)
  function compute(network, { menu, first, heads, off }) {
    const w = (name) => network[`${heads}_${name}`], names = menu.map(([name]) => numberOf(network.names, name));
    const asked = numberOf(network.names, first), others = names.filter((name) => name !== asked);
    const query = add(take(w("E_2"), others), take(w("E_1"), [asked])); // (m, d)
    const Q = affine(query, w("W_q")), K = affine(take(w("E"), names), w("W_k")); // (m, d), (n, d)
    const V = affine(stack(menu.map(([, price]) => row([price / 10]))), w("W_v")); // (n, d)
    const d = Q.shape[1], width = d / heads, weights = [];
    let c = map(Q, () => 0);
    for (let h = 0; h < heads; h++) {
      const [q, k, v] = [Q, K, V].map((x) => columns(x, h * width, (h + 1) * width));
      const alpha = softmax(map(matmul(q, transpose(k)), (score) => score / Math.sqrt(width))); // (m, n)
      weights.push(range(0, others.length).map((j) => [...take(alpha, [j]).data]));
      const W_o = take(transpose(w("W_o")), range(h * width, (h + 1) * width)); // (d / H, d)
      if (!off.includes(h)) c = add(c, matmul(matmul(alpha, v), W_o));
    }
    const hidden = map(affine(c, w("W_1"), w("b_1")), (x) => Math.max(x, 0));
    const p = softmax(affine(hidden, w("W_2"), w("b_2"))); // (m, 2): no, yes
    return { weights, yes: [...columns(p, 1, 2).data] };
  }

  // ------------------------------------------------------------------------------------------------------ what is written
  const initial = () => ({ menu: START.map((line) => [...line]), first: "coffee", heads: 2, off: [] });
  const written = (menu) => menu.map(([name, price]) => `${name} ${price}`).join(", ");

  // "tea 2, coffee 3": the lines, or words that say what is wrong
  function read({ names, lines: [fewest, most] }, text) {
    const menu = text.toLowerCase().split(/[,;\n]+/).map((line) => line.trim()).filter(Boolean).map((line) => {
      const [, name, price] = /^([a-z]+)\s+(\d+(?:\.\d+)?)$/.exec(line) ?? [];
      return name && [name, Number(price)];
    });
    if (menu.some((line) => !line)) return "Write a name and a price for each line: tea 2, coffee 3.5";
    const unknown = menu.find(([name]) => !names.includes(name)), high = menu.find(([, price]) => price > 10);
    if (unknown) return `\u201c${unknown[0]}\u201d is not known; known are ${names.join(", ")}.`;
    if (high) return `The price of ${high[0]} must be from 0 to 10.`;
    if (new Set(menu.map(([name]) => name)).size < menu.length) return "Each name may stand once.";
    if (menu.length < fewest || menu.length > most) return `A menu has ${fewest} to ${most} lines here.`;
    return menu;
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights };
    D2L.prompt(live, PREDICT, PREDICTIONS, THEN);
    const left = html(live, "div", { class: "picture photographed" });
    view.maps = html(left, "div", { class: "maps" });
    view.heads = [];
    view.question = titled(left, "Answers");
    view.answers = html(left, "table", { class: "answers" });
    view.verdict = html(left, "p", { class: "verdict", role: "status" });
    const panel = html(live, "div", { class: "panel" });
    buildNetwork(view, html(panel, "div"));
    buildMenu(view, html(panel, "div"));
    html(live, "div", { class: "hint" }, hint(view.network));
    return view;
  }

  function hint({ menus, right, lines }) {
    const shares = Object.entries(right).map(([heads, share]) => `${show(100 * share, 1)}% with ${heads} head${heads === "1" ? "" : "s"}`);
    return `Each network was trained on ${menus.toLocaleString("en")} menus of ${lines.join(" to ")} lines; of its answers on new ones are right: ${shares.join(", ")}. `
      + "A row of a map is a question, a column a line of the menu. No weight depends on a price.";
  }

  function change(view, changed) {
    view.problem.textContent = "";
    Object.assign(view.figure.state, changed);
    view.figure.update();
  }

  function buildHead(view, h) {
    const part = html(view.maps, "div", { class: "head" });
    const toggle = D2L.button(part, "", () => {
      const { off } = view.figure.state;
      change(view, { off: off.includes(h) ? off.filter((other) => other !== h) : [...off, h] });
    });
    return { part, toggle, picture: svg(part, "svg", { role: "img" }) };
  }

  function buildNetwork(view, part) {
    titled(part, "Network");
    const choices = Object.fromEntries(Object.keys(view.network.right).map((heads) => [heads, heads === "1" ? "1 head" : `${heads} heads`]));
    view.networks = D2L.tokens(part, "Network", choices, (heads) => change(view, { heads: Number(heads), off: [] }));
  }

  function buildMenu(view, part) {
    const { figure, network } = view, id = `${figure.root.id}-price`, most = network.lines[1];
    view.asked = titled(part, "Ask about");
    const blank = Object.fromEntries(range(0, most).map((k) => [k, ""]));
    view.lines = D2L.tokens(part, "Line to ask about, and to change", blank, (k) => change(view, { first: figure.state.menu[k][0] }));
    view.lines.group.classList.add("small");
    view.price = titled(part, "Its price", id);
    view.slider = html(part, "input", { type: "range", id, min: 0, max: 10, step: 0.1 });
    view.slider.addEventListener("input", () => {
      const { menu, first } = figure.state, price = Number(view.slider.value);
      change(view, { menu: menu.map((line) => (line[0] === first ? [first, price] : line)) });
    });
    buildEdits(view, part);
  }

  function buildEdits(view, part) {
    const { figure, network } = view, line = html(part, "div", { class: "tokens small edits" });
    view.remove = D2L.button(line, "", () => {
      const menu = figure.state.menu.filter(([name]) => name !== figure.state.first);
      change(view, { menu, first: menu[0][0] });
    });
    D2L.button(line, "Other order", () => change(view, { menu: [...figure.state.menu.slice(1), figure.state.menu[0]] }));
    D2L.button(line, "Reset", () => change(view, { ...initial(), heads: figure.state.heads }));
    const group = html(part, "div", { class: "tokens small", role: "group", "aria-label": "Add a line" });
    view.offered = group;
    html(part, "label", { for: `${figure.root.id}-text`, class: "caption" }, "or type the menu");
    view.text = html(part, "input", { type: "text", id: `${figure.root.id}-text`, spellcheck: "false" });
    view.text.addEventListener("change", () => {
      const menu = read(network, view.text.value);
      if (typeof menu === "string") return void (view.problem.textContent = menu);
      const { first } = figure.state;
      change(view, { menu, first: menu.some(([name]) => name === first) ? first : menu[0][0] });
    });
    view.problem = html(part, "p", { class: "complaint", role: "alert" });
  }

  // The names that are not on the menu
  function offer(view, { menu }) {
    const { network, offered } = view, names = network.names.filter((name) => !menu.some(([other]) => other === name)), full = menu.length >= network.lines[1];
    const told = `${names} ${full}`, focused = offered.contains(document.activeElement);
    if (offered.dataset.told === told) return;
    offered.dataset.told = told;
    offered.replaceChildren();
    for (const name of names) {
      const price = (3 * network.names.indexOf(name) + 1) % 10;
      D2L.button(offered, `+ ${name}`, () => change(view, { menu: [...view.figure.state.menu, [name, price]] }), full ? { disabled: "" } : {});
    }
    if (focused) (full ? view.remove : offered.firstChild).focus();
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { weights, yes }, state) {
    const { menu, first, heads, off } = state, others = menu.filter(([name]) => name !== first);
    while (view.heads.length < heads) view.heads.push(buildHead(view, view.heads.length));
    while (view.heads.length > heads) view.heads.pop().part.remove();
    view.heads.forEach((head, h) => drawHead(head, h, weights[h], menu.map(([name]) => name), others.map(([name]) => name), first, off.includes(h)));
    drawAnswers(view, yes, menu, others, first);
    view.networks.choose(String(heads));
    drawMenu(view, state);
    Object.assign(view.figure.root.dataset, { heads, off: off.join(" "), yes: yes.map((p) => Number(p > 0.5)).join(" ") });
  }

  function drawHead({ part, toggle, picture }, h, weights, names, others, first, off) {
    part.classList.toggle("off", off);
    toggle.textContent = `Head ${h + 1}: ${off ? "off" : "on"}`;
    toggle.setAttribute("aria-pressed", String(!off));
    const [width, height] = [LEFT + CELL * names.length + 14, TOP + CELL * others.length + 2];
    set(picture, { viewBox: `0 0 ${width} ${height}`, width, height, "aria-label": described(h, weights, names, others, first) });
    picture.style.height = `${height}px`; // themes have a rule for the height of drawings
    picture.replaceChildren();
    names.forEach((name, i) => svg(picture, "text", { transform: `translate(${LEFT + CELL * (i + 0.65)},${TOP - 5}) rotate(-55)` }, name));
    others.forEach((name, j) => {
      svg(picture, "text", { x: LEFT - 5, y: TOP + CELL * (j + 0.7), "text-anchor": "end" }, name);
      weights[j].forEach((alpha, i) => {
        const place = { x: LEFT + CELL * i, y: TOP + CELL * j, width: CELL, height: CELL };
        svg(picture, "rect", { class: "cell", ...place });
        svg(picture, "rect", { class: "mass", ...place, "fill-opacity": show(alpha, 3) });
      });
    });
  }

  function described(h, weights, names, others, first) {
    const told = others.map((other, j) => {
      const most = weights[j].indexOf(Math.max(...weights[j]));
      return `${other}: ${names[most]}, ${show(weights[j][most], 2)}`;
    });
    return `Head ${h + 1}, asked whether ${first} is dearer than each other line, looks most at: ${told.join("; ")}`;
  }

  function drawAnswers(view, yes, menu, others, first) {
    const price = Object.fromEntries(menu);
    let right = 0;
    view.question.textContent = `Is ${first}, at ${show(price[first], 1)}, dearer than \u2026`;
    view.answers.replaceChildren();
    const body = html(view.answers, "tbody");
    others.forEach(([name, cost], j) => {
      const said = yes[j] > 0.5, equal = cost === price[first], agrees = said === price[first] > cost, line = html(body, "tr");
      right += Number(agrees && !equal);
      html(line, "th", { scope: "row" }, `${name}, at ${show(cost, 1)}?`);
      D2L.weigh(html(line, "td"), yes[j]);
      html(line, "td", { class: equal || agrees ? "" : "wrong" }, `${said ? "yes" : "no"}${equal ? ", they cost the same" : agrees ? ", right" : ", wrong"}`);
    });
    const verdict = `${right} of ${others.length} answers are right.`;
    if (view.verdict.textContent !== verdict) view.verdict.textContent = verdict;
  }

  function drawMenu(view, { menu, first }) {
    const { network } = view, price = Object.fromEntries(menu)[first];
    view.lines.inputs.forEach((input, k) => {
      input.parentNode.hidden = k >= menu.length;
      input.checked = menu[k]?.[0] === first;
      input.nextSibling.textContent = menu[k] ? `${menu[k][0]} ${show(menu[k][1], 1)}` : "";
    });
    view.asked.textContent = first;
    view.price.textContent = show(price, 1);
    view.slider.value = price;
    view.slider.setAttribute("aria-valuetext", `${first} costs ${show(price, 1)}`);
    view.remove.textContent = `Remove ${first}`;
    view.remove.disabled = menu.length <= network.lines[0];
    offer(view, { menu });
    if (document.activeElement !== view.text) view.text.value = written(menu);
  }

  D2L.addFigure("multi_head_attention", { initial, build, compute, draw });
})();
