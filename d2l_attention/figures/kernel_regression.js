// Upgrades every static picture of d2l_attention.interactive on the page that has not been upgraded yet. Runs once per
// figure, in any order and any number of times; no library, no request, no global name.
(() => {
  "use strict";
  // K(u), divided by K(nearest): only the Gaussian would otherwise vanish when every point is far away.
  const KERNELS = {
    gaussian: (u, nearest) => Math.exp((nearest * nearest - u * u) / 2),
    boxcar: (u) => (Math.abs(u) < 1 ? 1 : 0),
    triangular: (u) => Math.max(1 - Math.abs(u), 0),
    epanechnikov: (u) => Math.max(1 - u * u, 0),
  };
  const NOBODY = "no neighbour within the bandwidth";
  const HINT = "Drag in the picture, or focus the handle and use the arrow keys. The weights sum to one: all orange discs together keep one area.";
  const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "];
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const show = (value, digits) => value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "\u2212");
  const exactly = (value) => (value < 10 && Number(value.toPrecision(2)) === value ? value.toPrecision(2) : String(value));
  const set = (node, attributes) => {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const svg = (parent, name, attributes = {}, text = "") => {
    const node = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
    node.textContent = text;
    return set(node, attributes);
  };
  const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");

  // Nadaraya-Watson: the weights alpha(x, x_i), the estimate sum_i alpha_i y_i, and the curve that the weights lie on.
  function pool({ x, y }, { kernel, bandwidth }, query) {
    const distance = x.map((key) => (query - key) / bandwidth);
    const nearest = Math.min(...distance.map(Math.abs));
    const raw = distance.map((u) => KERNELS[kernel](u, nearest));
    const total = sum(raw);
    const weights = raw.map((value) => (total > 0 ? value / total : 0)); // nobody near: all weights are exactly zero
    const estimate = total > 0 ? sum(weights.map((weight, i) => weight * y[i])) : null;
    const shape = (t) => KERNELS[kernel]((query - t) / bandwidth, nearest) / (total || 1);
    return { weights, estimate, shape };
  }

  // Lines through the samples; a sample without a value is a gap, a lone sample becomes a dot.
  function runs(samples, toX, toY) {
    const parts = [[]];
    for (const [x, y] of samples) y === null ? parts.push([]) : parts.at(-1).push([toX(x), toY(y)]);
    return parts.filter((part) => part.length).map((part) => path(part.length > 1 ? part : [part[0], part[0]])).join("");
  }

  function picture(data) {
    const root = svg(document.createDocumentFragment(), "svg", { class: "plot", "data-prevent-swipe": "" });
    const node = { root, axes: svg(root, "g", { "aria-hidden": "true" }) };
    const scene = (node.scene = svg(root, "g", { role: "img" }));
    for (const name of ["truth", "bell"]) node[name] = svg(scene, "path", { class: name });
    node.stems = data.x.map(() => svg(scene, "line", { class: "stem" }));
    node.points = data.x.map(() => svg(scene, "circle", { class: "point", r: 2.4 }));
    node.masses = data.x.map(() => svg(scene, "circle", { class: "mass" }));
    for (const name of ["base", "query", "level"]) node[name] = svg(scene, "line", { class: name });
    node.curve = svg(scene, "path", { class: "curve" });
    node.dot = svg(scene, "circle", { class: "dot", r: 6.5 });
    for (const name of ["x", "y"]) {
      const tag = svg(scene, "g", { class: `tag ${name}` });
      node[`tag_${name}`] = { box: svg(tag, "rect", { rx: 4, height: 20 }), text: svg(tag, "text", { dy: "0.35em" }) };
    }
    node.heading = svg(scene, "text");
    node.nobody = NOBODY.split(/ (?=within)/).map((words) => svg(scene, "text", { class: "nobody" }, words));
    node.grip = svg(root, "g", { class: "grip", role: "slider", tabindex: 0, "aria-label": "query x",
      "aria-valuemin": data.low, "aria-valuemax": data.high });
    for (const [name, r] of [["halo", 20], ["knob", 12]]) svg(node.grip, "circle", { class: name, r });
    svg(node.grip, "path", { d: "M-3,-4L-7,0L-3,4M3,-4L7,0L3,4" });
    return node;
  }

  const swatch = (shape, words) => `<span><svg width="22" height="12" viewBox="0 0 22 12">${shape}</svg>${words}</span>`;
  const legend = (truth) => `<div class="legend" aria-hidden="true">
    ${swatch('<circle class="point" cx="14" cy="6" r="2.4"/>', "data")}
    ${swatch('<circle class="mass" cx="14" cy="6" r="6"/>', "weight (area)")}
    ${swatch('<path class="curve" d="M1,6H21"/>', "estimate")}
    ${truth ? swatch('<path class="truth" d="M2,6H21"/>', "true function") : ""}</div>`;

  function kernelChoice([name, kernel], id) {
    const scale = name === "gaussian" ? 70 : 140;
    const outline = Array.from({ length: 441 }, (_, i) => [2 + i / 10, 16 - 13 * kernel((i - 220) / scale, 0)]);
    return `<label><input type="radio" name="${id}-kernel" value="${name}"><svg width="48" height="18" viewBox="0 0 48 18"
      aria-hidden="true"><path d="${path(outline)}"/></svg><span>${name[0].toUpperCase()}${name.slice(1)}</span></label>`;
  }

  const reading = (name, words) => `<div class="reading ${name}"><span>${words}</span><b></b></div>`;
  const controls = (id, [least, most]) => `<div class="panel">
    <div><div class="title"><label for="${id}-bandwidth">Bandwidth h</label><output></output></div>
      <input type="range" class="bandwidth" id="${id}-bandwidth" min="${least}" max="${most}" step="0.05">
      <div class="ends" aria-hidden="true"><span>nearest neighbour</span><span>average</span></div></div>
    <div><div class="title">Kernel</div><div class="kernels" role="radiogroup" aria-label="Kernel">
      ${Object.entries(KERNELS).map((entry) => kernelChoice(entry, id)).join("")}</div></div>
    <div>${reading("estimate", "")}${reading("effective", "effective neighbours <i>1/\u03a3\u03b1\u00b2</i>")}
      ${reading("largest", "largest weight")}<button type="button">Reset</button></div></div>`;

  function start(figure) {
    const data = JSON.parse(figure.dataset.figure);
    const initial = { query: data.query, bandwidth: data.bandwidth, kernel: data.kernel };
    const state = { ...initial };
    figure.insertAdjacentHTML("beforeend", `<form class="live" autocomplete="off" data-lm-suppress-shortcuts="true">
      <div class="picture">${legend(data.truth)}</div>${controls(figure.id, data.slider)}<div class="hint">${HINT}</div></form>`);
    const find = (selector) => figure.querySelector(selector);
    const [live, left, slider] = [".live", ".picture", ".bandwidth"].map(find);
    const view = picture(data);
    find(".legend").after(view.root);
    const radios = figure.querySelectorAll(".kernels input");
    let place = null; // pixel positions, known once the figure has a width

    function layout() {
      const width = left.clientWidth;
      if (!width) return draw(); // hidden, as on a slide that is not shown yet
      const digits = Math.max(4, ...[data.bottom, data.top].map((value) => show(value, data.digits.y).length));
      const [l, r, top, gap, strip] = [15 + 7.25 * digits, width - 14, 18, 44, 84];
      const middle = top + clamp(width * 0.46, 210, 330);
      const base = middle + gap + strip;
      const toX = (x) => l + ((x - data.low) / (data.high - data.low)) * (r - l);
      const toY = (y) => middle - ((y - data.bottom) / (data.top - data.bottom)) * (middle - top);
      const count = Math.min(2 * Math.round(r - l), Math.ceil(4e5 / data.x.length)); // two a pixel, if a drag stays smooth
      const samples = Array.from({ length: count + 1 }, (_, i) => data.low + ((data.high - data.low) * i) / count);
      place = { l, r, top, middle, gap, strip, base, toX, toY, width, samples };
      set(view.root, { width, height: base + 34, viewBox: `0 0 ${width} ${base + 34}` });
      view.axes.textContent = "";
      const text = (x, y, anchor, words) => svg(view.axes, "text", { x, y, dy: "0.35em", "text-anchor": anchor }, words);
      place.yticks = data.yticks.map((value) => {
        svg(view.axes, "line", { class: "grid", x1: l, x2: r, y1: toY(value), y2: toY(value) });
        return [toY(value), text(l - 8, toY(value), "end", show(value, data.digits.yticks))];
      });
      place.xticks = data.xticks.map((value) => {
        svg(view.axes, "line", { class: "grid", x1: toX(value), x2: toX(value), y1: top, y2: base + 5 });
        return [toX(value), text(toX(value), base + 15, "middle", show(value, data.digits.xticks))];
      });
      for (const [x, y, words] of [[l - 8, base, "0"], [l - 8, 6, "y"], [width - 1, base, "x"]]) text(x, y, "end", words);
      place.ceiling = text(l - 8, base - strip, "end", "");
      set(view.base, { x1: l, x2: r, y1: base, y2: base });
      data.x.forEach((x, i) => {
        for (const circle of [view.points[i], view.masses[i]]) set(circle, { cx: toX(x), cy: toY(data.y[i]) });
        set(view.stems[i], { x1: toX(x), x2: toX(x), y1: base });
      });
      if (data.truth) view.truth.setAttribute("d", runs(data.truth, toX, toY));
      drawCurve();
    }

    function drawCurve() {
      const values = (place?.samples ?? []).map((x) => [x, pool(data, state, x).estimate]);
      view.curve.setAttribute("d", runs(values, place?.toX, place?.toY));
      draw();
    }

    function draw() {
      const { weights, estimate, shape } = pool(data, state, state.query);
      const largest = Math.max(...weights);
      const empty = estimate === null;
      const effective = empty ? 0 : 1 / sum(weights.map((weight) => weight * weight));
      Object.assign(figure.dataset, { ...state, estimate: estimate ?? "none", effective, largest, ready: "" });
      const query = show(state.query, data.digits.x);
      const words = `x = ${query}, ${empty ? NOBODY : `estimate ${show(estimate, data.digits.y)}`}`;
      set(view.grip, { "aria-valuenow": state.query, "aria-valuetext": words });
      const settings = `${data.x.length} points, ${state.kernel} kernel, bandwidth ${exactly(state.bandwidth)}`;
      set(view.scene, { "aria-label": `Nadaraya-Watson regression of ${settings}: ${words}` });
      for (const radio of radios) radio.checked = radio.value === state.kernel;
      slider.value = Math.log10(state.bandwidth);
      slider.setAttribute("aria-valuetext", exactly(state.bandwidth));
      const write = (selector, text) => { find(selector).textContent = text; };
      write("output", exactly(state.bandwidth));
      write(".reading.estimate span", `estimate at x = ${query}`);
      write(".reading.estimate b", empty ? "none" : show(estimate, data.digits.y));
      write(".effective b", `${empty ? 0 : effective.toFixed(1)} of ${data.x.length}`);
      write(".largest b", empty ? "0" : largest.toFixed(3));
      if (place) drawQuery(weights, estimate, shape, largest);
    }

    function drawQuery(weights, estimate, shape, largest) {
      const { l, r, top, middle, gap, strip, base, toX, toY, width, samples } = place;
      const [x, empty] = [toX(state.query), estimate === null];
      const ceiling = [0.02, 0.05, 0.1, 0.2, 0.5, 1].find((value) => value >= largest * 0.999);
      const height = (weight) => base - clamp(weight / (empty ? 1.6 : ceiling), 0, 1.04) * strip;
      weights.forEach((weight, i) => {
        view.masses[i].setAttribute("r", 26 * Math.sqrt(weight)); // area proportional to the weight
        view.stems[i].setAttribute("y2", height(weight));
        view.stems[i].classList.toggle("off", weight / ceiling < 0.004);
      });
      view.bell.setAttribute("d", `${path([[l, base], ...samples.map((t) => [toX(t), height(shape(t))]), [r, base]])}Z`);
      set(view.query, { x1: x, x2: x, y1: top, y2: base });
      view.grip.setAttribute("transform", `translate(${x},${middle + gap / 2})`);
      const flip = x > (l + r) / 2; // captions stand on the side away from the query
      const side = { x: flip ? l : r, "text-anchor": flip ? "start" : "end" };
      [view.heading, ...view.nobody].forEach((line, i) => set(line, { ...side, y: middle + gap / 2 + 4 + 18 * i }));
      view.heading.textContent = empty ? "all weights are 0:" : "weights \u03b1(x, x\u1d62), sum 1";
      place.ceiling.textContent = empty ? "" : String(ceiling);
      const hide = (ticks, at, near) => { // a tag takes the place of the number that it would half cover
        for (const [position, label] of ticks) label.classList.toggle("off", Math.abs(position - at) < near(label));
      };
      const tag = ({ box, text }, words, centre, y) => {
        const wide = 12 + 7.2 * words.length;
        const at = clamp(centre, wide / 2, width - wide / 2);
        set(box, { x: at - wide / 2, y: y - 10, width: wide });
        set(text, { x: at, y }).textContent = words;
      };
      const words = show(state.query, data.digits.x);
      tag(view.tag_x, words, x, base + 15);
      hide(place.xticks, x, (label) => 10 + 3.6 * (words.length + label.textContent.length));
      view.root.classList.toggle("empty", empty);
      const y = empty ? -Infinity : toY(estimate);
      hide(place.yticks, y, () => 16);
      if (empty) return;
      set(view.dot, { cx: x, cy: y });
      set(view.level, { x1: l, x2: x, y1: y, y2: y });
      tag(view.tag_y, show(estimate, data.digits.y), l / 2 - 1, clamp(y, top, middle));
    }

    const moveTo = (query) => draw((state.query = Number(clamp(query, data.low, data.high).toFixed(data.digits.x))));
    const follow = (event) => {
      const box = view.root.getBoundingClientRect(); // also right where a slide deck scales the page
      const x = ((event.clientX - box.left) / box.width) * place.width;
      moveTo(data.low + ((x - place.l) / (place.r - place.l)) * (data.high - data.low));
    };
    let held = null; // the pointer that is down; a finger drags once it goes sideways, so that it can also scroll the page
    view.root.onpointerdown = (event) => {
      if (event.button !== 0 || held) return;
      held = { id: event.pointerId, x: event.clientX, y: event.clientY, drags: event.pointerType !== "touch" };
      view.root.setPointerCapture(held.id);
      if (held.drags) follow(event);
    };
    view.root.onpointermove = (event) => {
      if (event.pointerId !== held?.id) return;
      held.drags ||= Math.abs(event.clientX - held.x) > Math.abs(event.clientY - held.y);
      if (held.drags) follow(event);
    };
    view.root.onpointerup = (event) => event.pointerId === held?.id && (follow(event), view.grip.focus({ preventScroll: true }));
    view.root.onlostpointercapture = () => { held = null; }; // after up and after cancel
    view.grip.onkeydown = (event) => {
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e9, End: 1e9 };
      if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      moveTo(state.query + data.step * (event.shiftKey ? 0.2 : 1) * steps[event.key]);
    };
    live.addEventListener("keydown", (event) => KEYS.includes(event.key) && event.stopPropagation()); // slides must not turn
    live.onsubmit = () => false;
    slider.oninput = () => drawCurve((state.bandwidth = Number((10 ** Number(slider.value)).toPrecision(2))));
    for (const radio of radios) radio.addEventListener("change", () => drawCurve((state.kernel = radio.value)));
    find("button").addEventListener("click", () => drawCurve(Object.assign(state, initial)));
    layout();
    new ResizeObserver(layout).observe(left);
  }

  document.querySelectorAll(".d2l-kernel-regression[data-figure]:not([data-ready])").forEach(start);
})();
