// Nadaraya-Watson regression of the notebook's points: a query to drag, a bandwidth to slide, four kernels.
(() => {
  "use strict";
  const { clamp, show, path, runs, set, html, svg, titled, row, map, softmax, matmul, transpose } = D2L;
  const NOBODY = "no neighbour within the bandwidth";
  const PREDICT = "Predict first. Two neighbouring points lie far apart. Midway between them, with a small h, the estimate is";
  const PREDICTIONS = { mean: "the mean of their labels", one: "one of their labels", none: "not defined" };
  const HINT = "Drag in the picture, or focus the handle and use the arrow keys. The weights sum to one: all orange discs together keep one area.";

  // ----------------------------------------------------------------------------------------------------------- the model
  // log K(u), without constants, which cancel; -Infinity out of reach
  const LOG_KERNEL = {
    gaussian: (u) => (-u * u) / 2,
    boxcar: (u) => (Math.abs(u) < 1 ? 0 : -Infinity),
    triangular: (u) => Math.log(Math.max(1 - Math.abs(u), 0)),
    epanechnikov: (u) => Math.log(Math.max(1 - u * u, 0)),
  };

  // f(q) = sum_i alpha(q, x_i) y_i, alpha = softmax(log K((q - x_i) / h)); without: the index of a point to leave out
  function pool({ x, y }, { kernel, bandwidth, query }, without = -1) {
    const score = (key, i) => (i === without ? -Infinity : LOG_KERNEL[kernel]((query - key) / bandwidth));
    const scores = map(row(x), score); // (1, n)
    const alpha = softmax(scores); // (1, n), all zero if every key is out of reach
    const estimate = matmul(alpha, transpose(row(y))); // (1, 1)
    return { alpha: [...alpha.data], estimate: scores.data.some((s) => s > -Infinity) ? estimate.data[0] : null };
  }

  // The mean squared error of estimating each label from all others; infinite if that leaves a point without neighbours
  function leaveOneOut({ x, y }, { kernel, bandwidth }) {
    const squares = x.map((query, i) => {
      const { estimate } = pool({ x, y }, { kernel, bandwidth, query }, i);
      return estimate === null ? Infinity : (estimate - y[i]) ** 2;
    });
    return squares.reduce((sum, value) => sum + value) / x.length;
  }

  const compute = (points, state) => ({ ...pool(points, state), error: leaveOneOut(points, state) });

  // -------------------------------------------------------------------------------------------------------- build, once
  const initial = ({ query, bandwidth, kernel }) => ({ query, bandwidth, kernel });
  const exactly = (value) => (value < 10 && Number(value.toPrecision(2)) === value ? value.toPrecision(2) : String(value));
  const LEGEND = { data: '<circle class="point" cx="14" cy="6" r="2.4"/>', "weight (area)": '<circle class="mass" cx="14" cy="6" r="6"/>',
    estimate: '<path class="curve" d="M1,6H21"/>', "true function": '<path class="truth" d="M2,6H21"/>' };

  function build(live, figure) {
    const view = { figure, data: figure.weights, errors: {}, drawn: "" };
    D2L.prompt(live, PREDICT, PREDICTIONS, "Now find out: move the query there, make h small, and try each kernel.");
    view.left = html(live, "div", { class: "picture" });
    D2L.legend(view.left, Object.entries(LEGEND).filter(([words]) => words !== "true function" || view.data.truth));
    buildPlot(view);
    view.panel = html(live, "div", { class: "panel" });
    buildBandwidth(view);
    buildKernels(view);
    buildReadings(view);
    html(live, "div", { class: "hint" }, HINT);
    new ResizeObserver(() => figure.update((view.drawn = ""))).observe(view.left);
    return view;
  }

  function buildPlot(view) {
    const { data } = view;
    const root = (view.root = svg(view.left, "svg", { class: "plot", "data-prevent-swipe": "" }));
    view.axes = svg(root, "g", { "aria-hidden": "true" });
    const scene = (view.scene = svg(root, "g", { role: "img" }));
    for (const name of ["truth", "bell"]) view[name] = svg(scene, "path", { class: name });
    view.stems = data.x.map(() => svg(scene, "line", { class: "stem" }));
    view.points = data.x.map(() => svg(scene, "circle", { class: "point", r: 2.4 }));
    view.masses = data.x.map(() => svg(scene, "circle", { class: "mass" }));
    for (const name of ["base", "query", "level"]) view[name] = svg(scene, "line", { class: name });
    view.curve = svg(scene, "path", { class: "curve" });
    view.dot = svg(scene, "circle", { class: "dot", r: 6.5 });
    for (const name of ["x", "y"]) {
      const tag = svg(scene, "g", { class: `tag ${name}` });
      view[`tag_${name}`] = { box: svg(tag, "rect", { rx: 4, height: 20 }), text: svg(tag, "text", { dy: "0.35em" }) };
    }
    view.heading = svg(scene, "text");
    view.nobody = NOBODY.split(/ (?=within)/).map((words) => svg(scene, "text", { class: "nobody" }, words));
    buildGrip(view);
  }

  function buildGrip(view) {
    const { data, figure, root } = view;
    const range = { "aria-valuemin": data.low, "aria-valuemax": data.high };
    const grip = (view.grip = svg(root, "g", { class: "grip", role: "slider", tabindex: 0, "aria-label": "query x", ...range }));
    for (const [name, r] of [["halo", 20], ["knob", 12]]) svg(grip, "circle", { class: name, r });
    svg(grip, "path", { d: "M-3,-4L-7,0L-3,4M3,-4L7,0L3,4" });
    const move = (query) => figure.update((figure.state.query = Number(clamp(query, data.low, data.high).toFixed(data.digits.x))));
    const follow = (event) => {
      const box = root.getBoundingClientRect(), { l, r, width } = view.place; // also right where a deck scales the page
      move(data.low + ((((event.clientX - box.left) / box.width) * width - l) / (r - l)) * (data.high - data.low));
    };
    D2L.drag(root, { along: "x", follow, stop: () => grip.focus({ preventScroll: true }) });
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e9, End: 1e9 };
    const act = (step) => (event) => move(figure.state.query + data.step * (event.shiftKey ? 0.2 : 1) * step);
    D2L.keys(grip, Object.fromEntries(Object.entries(steps).map(([key, step]) => [key, act(step)])));
  }

  function buildBandwidth(view) {
    const { data, figure } = view, part = html(view.panel, "div"), id = `${figure.root.id}-bandwidth`;
    view.error = titled(part, "Leave-one-out error");
    view.error.className = "error";
    view.errorPlot = svg(part, "svg", { class: "errors", role: "img" });
    view.h = titled(part, "Bandwidth h", id);
    const [min, max] = data.slider;
    view.slider = html(part, "input", { type: "range", class: "bandwidth", id, min, max, step: 0.05 });
    view.slider.addEventListener("input", () => {
      figure.update((figure.state.bandwidth = Number((10 ** Number(view.slider.value)).toPrecision(2))));
    });
    const ends = html(part, "div", { class: "ends", "aria-hidden": "true" });
    view.least = html(ends, "span");
    html(ends, "span", {}, "average");
  }

  function buildKernels(view) {
    const { figure } = view, part = html(view.panel, "div");
    html(part, "div", { class: "title" }, "Kernel");
    const names = Object.keys(LOG_KERNEL), words = names.map((name) => name[0].toUpperCase() + name.slice(1));
    const choices = Object.fromEntries(names.map((name, i) => [name, words[i]]));
    view.kernels = D2L.tokens(part, "Kernel", choices, (kernel) => figure.update((figure.state.kernel = kernel)));
    view.kernels.group.classList.add("kernels");
    for (const input of view.kernels.inputs) {
      const scale = input.value === "gaussian" ? 70 : 140;
      const outline = Array.from({ length: 441 }, (_, i) => [2 + i / 10, 16 - 13 * Math.exp(LOG_KERNEL[input.value]((i - 220) / scale))]);
      const icon = svg(input.parentNode, "svg", { width: 48, height: 18, viewBox: "0 0 48 18", "aria-hidden": "true" });
      svg(icon, "path", { d: path(outline) });
      input.after(icon);
    }
  }

  function buildReadings(view) {
    const { data, figure } = view, part = html(view.panel, "div");
    const reading = (name, words) => {
      const line = html(part, "div", { class: `reading ${name}` });
      return { words: html(line, "span", {}, words), value: html(line, "b") };
    };
    view.estimate = reading("estimate", "");
    view.effective = reading("effective", "effective neighbours ");
    html(view.effective.words, "i", {}, "1/\u03a3\u03b1\u00b2");
    view.largest = reading("largest", "largest weight");
    D2L.button(part, "Reset", () => figure.update((figure.state = initial(data))));
  }

  // ---------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { alpha, estimate, error }, state) {
    const empty = estimate === null, largest = Math.max(...alpha);
    const effective = empty ? 0 : 1 / alpha.reduce((sum, weight) => sum + weight * weight, 0);
    Object.assign(view.figure.root.dataset, { ...state, estimate: estimate ?? "none", effective, largest, error });
    write(view, state, { estimate, effective, largest, error });
    const drawn = `${state.kernel} ${state.bandwidth}`;
    if (view.drawn !== drawn && layout(view)) {
      const { samples, toX, toY } = view.place, estimateAt = (query) => pool(view.data, { ...state, query }).estimate;
      view.curve.setAttribute("d", runs(samples.map((query) => [query, estimateAt(query)]), toX, toY));
      drawErrors(view, state, error);
      view.drawn = drawn;
    }
    if (view.place) drawQuery(view, state, { alpha, estimate, largest });
  }

  function write(view, state, { estimate, effective, largest, error }) {
    const { data } = view, empty = estimate === null, h = exactly(state.bandwidth), query = show(state.query, data.digits.x);
    const words = `x = ${query}, ${empty ? NOBODY : `estimate ${show(estimate, data.digits.y)}`}`;
    set(view.grip, { "aria-valuenow": state.query, "aria-valuetext": words });
    set(view.scene, { "aria-label": `Nadaraya-Watson regression of ${data.x.length} points, ${state.kernel} kernel, bandwidth ${h}: ${words}` });
    view.kernels.choose(state.kernel);
    view.slider.value = Math.log10(state.bandwidth);
    view.slider.setAttribute("aria-valuetext", h);
    view.h.textContent = h;
    view.error.textContent = Number.isFinite(error) ? error.toPrecision(3) : "\u221e";
    view.least.textContent = state.kernel === "gaussian" ? "nearest neighbour" : "no neighbours";
    view.estimate.words.textContent = `estimate at x = ${query}`;
    view.estimate.value.textContent = empty ? "none" : show(estimate, data.digits.y);
    view.effective.value.textContent = `${empty ? 0 : effective.toFixed(1)} of ${data.x.length}`;
    view.largest.value.textContent = empty ? "0" : largest.toFixed(3);
  }

  // Pixel positions; false while the figure has no width, as on a slide that is not shown yet
  function layout(view) {
    const { data, left, root } = view, width = left.clientWidth;
    if (!width) return false;
    if (view.place?.width === width) return true;
    const digits = Math.max(4, ...[data.bottom, data.top].map((value) => show(value, data.digits.y).length));
    const [l, r, top, gap, strip] = [15 + 7.25 * digits, width - 14, 18, 44, 84];
    const tallest = parseFloat(getComputedStyle(left).getPropertyValue("--tallest")) || 330;
    const middle = top + clamp(width * 0.46, Math.min(200, tallest), tallest), base = middle + gap + strip;
    const toX = (x) => l + ((x - data.low) / (data.high - data.low)) * (r - l);
    const toY = (y) => middle - ((y - data.bottom) / (data.top - data.bottom)) * (middle - top);
    const count = Math.min(2 * Math.round(r - l), Math.ceil(4e5 / data.x.length)); // two a pixel, if a drag stays smooth
    const samples = Array.from({ length: count + 1 }, (_, i) => data.low + ((data.high - data.low) * i) / count);
    view.place = { l, r, top, middle, gap, strip, base, toX, toY, width, samples };
    set(root, { width, height: base + 34, viewBox: `0 0 ${width} ${base + 34}` });
    drawAxes(view);
    drawPoints(view);
    return true;
  }

  function drawAxes(view) {
    const { l, r, top, base, strip, toX, toY, width } = view.place, { axes, data } = view;
    axes.textContent = "";
    const text = (x, y, anchor, words) => svg(axes, "text", { x, y, dy: "0.35em", "text-anchor": anchor }, words);
    view.yticks = data.yticks.map((value) => {
      svg(axes, "line", { class: "grid", x1: l, x2: r, y1: toY(value), y2: toY(value) });
      return [toY(value), text(l - 8, toY(value), "end", show(value, data.digits.yticks))];
    });
    view.xticks = data.xticks.map((value) => {
      svg(axes, "line", { class: "grid", x1: toX(value), x2: toX(value), y1: top, y2: base + 5 });
      return [toX(value), text(toX(value), base + 15, "middle", show(value, data.digits.xticks))];
    });
    for (const [x, y, words] of [[l - 8, base, "0"], [l - 8, 6, "y"], [width - 1, base, "x"]]) text(x, y, "end", words);
    view.ceiling = text(l - 8, base - strip, "end", "");
    set(view.base, { x1: l, x2: r, y1: base, y2: base });
  }

  function drawPoints({ data, points, masses, stems, truth, place: { toX, toY, base } }) {
    data.x.forEach((x, i) => {
      for (const circle of [points[i], masses[i]]) set(circle, { cx: toX(x), cy: toY(data.y[i]) });
      set(stems[i], { x1: toX(x), x2: toX(x), y1: base });
    });
    if (data.truth) truth.setAttribute("d", runs(data.truth, toX, toY));
  }

  // The errors of the slider's bandwidths, once for each kernel: [log10 h, error], null where it is infinite
  function errorsOf({ data, errors }, state) {
    const [least, most] = data.slider, count = Math.ceil(clamp(3e6 / data.x.length ** 2, 12, (most - least) / 0.05));
    errors[state.kernel] ??= Array.from({ length: count + 1 }, (_, i) => {
      const exponent = least + ((most - least) * i) / count, error = leaveOneOut(data, { ...state, bandwidth: 10 ** exponent });
      return [exponent, Number.isFinite(error) ? error : null];
    });
    return errors[state.kernel];
  }

  // They stand above the slider, and the dot over its thumb; the scale is logarithmic.
  function drawErrors(view, state, error) {
    const { errorPlot: plot } = view, errors = errorsOf(view, state), width = view.panel.firstChild.clientWidth;
    const positive = errors.map(([, value]) => value).filter((value) => value > 0), ends = [Math.max(...positive), Math.min(...positive)];
    const [least, most] = view.data.slider, toX = (exponent) => 11 + ((exponent - least) / (most - least)) * (width - 22);
    const toY = (value) => clamp(20 + (Math.log(ends[0] / value) / Math.log(ends[0] / ends[1] || 1)) * 48, 4, 78);
    plot.textContent = "";
    set(plot, { width, height: 84, viewBox: `0 0 ${width} 84` });
    for (const [value, x, anchor] of positive.length ? [[ends[0], 0, "start"], [ends[1], width, "end"]] : []) {
      svg(plot, "path", { class: "grid", d: `M0,${toY(value)}H${width}` });
      svg(plot, "text", { x, y: toY(value) - 5, "text-anchor": anchor }, value.toPrecision(2));
    }
    svg(plot, "path", { class: "line", d: runs(errors, toX, toY) });
    const x = toX(Math.log10(state.bandwidth)), alone = !Number.isFinite(error), words = alone ? "\u221e: a point has no neighbour" : "";
    svg(plot, "path", { class: "at", d: alone ? `M${x},68V4` : `M${x},86V${toY(error)}` });
    if (!alone) svg(plot, "circle", { class: "now", cx: x, cy: toY(error), r: 5 });
    svg(plot, "text", { x: 0, y: 82 }, words);
    set(plot, { "aria-label": `leave-one-out error against the bandwidth: ${words || view.error.textContent}` });
  }

  function drawQuery(view, state, { alpha, estimate, largest }) {
    const { l, r, top, middle, gap, strip, base, toX } = view.place, x = toX(state.query), empty = estimate === null;
    const ceiling = [0.02, 0.05, 0.1, 0.2, 0.5, 1].find((value) => value >= largest * 0.999);
    alpha.forEach((weight, i) => {
      view.masses[i].setAttribute("r", 26 * Math.sqrt(weight)); // area proportional to the weight
      view.stems[i].setAttribute("y2", base - (weight / ceiling) * strip);
      view.stems[i].classList.toggle("off", weight / ceiling < 0.004);
    });
    drawBell(view, state, largest, empty ? 1.6 : ceiling);
    set(view.query, { x1: x, x2: x, y1: top, y2: base });
    view.grip.setAttribute("transform", `translate(${x},${middle + gap / 2})`);
    const flip = x > (l + r) / 2; // captions stand on the side away from the query
    const side = { x: flip ? l : r, "text-anchor": flip ? "start" : "end" };
    [view.heading, ...view.nobody].forEach((line, i) => set(line, { ...side, y: middle + gap / 2 + 4 + 18 * i }));
    view.heading.textContent = empty ? "all weights are 0:" : "weights \u03b1(x, x\u1d62), sum 1";
    view.ceiling.textContent = empty ? "" : String(ceiling);
    drawTags(view, x, state.query, estimate);
  }

  // The curve that the weights lie on: the kernel around the query, as high as its largest weight
  function drawBell({ bell, data, place: { l, r, base, strip, samples, toX } }, { kernel, bandwidth, query }, largest, ceiling) {
    const log = (t) => LOG_KERNEL[kernel]((query - t) / bandwidth);
    const nearest = Math.max(...data.x.map(log)), scale = largest ? nearest - Math.log(largest) : 0;
    const height = (t) => base - clamp(Math.exp(log(t) - scale) / ceiling, 0, 1.04) * strip;
    bell.setAttribute("d", `${path([[l, base], ...samples.map((t) => [toX(t), height(t)]), [r, base]])}Z`);
  }

  function drawTags(view, x, query, estimate) {
    const { l, top, middle, base, toY, width } = view.place, { data } = view, empty = estimate === null;
    // A tag takes the place of the number that it would half cover
    const hide = (ticks, at, near) => ticks.forEach(([position, label]) => label.classList.toggle("off", Math.abs(position - at) < near(label)));
    const tag = ({ box, text }, words, centre, y) => {
      const wide = 12 + 7.2 * words.length, at = clamp(centre, wide / 2, width - wide / 2);
      set(box, { x: at - wide / 2, y: y - 10, width: wide });
      set(text, { x: at, y }).textContent = words;
    };
    const words = show(query, data.digits.x), y = empty ? -Infinity : toY(estimate);
    tag(view.tag_x, words, x, base + 15);
    hide(view.xticks, x, (label) => 10 + 3.6 * (words.length + label.textContent.length));
    hide(view.yticks, y, () => 16);
    view.root.classList.toggle("empty", empty);
    if (empty) return;
    set(view.dot, { cx: x, cy: y });
    set(view.level, { x1: l, x2: x, y1: y, y2: y });
    tag(view.tag_y, show(estimate, data.digits.y), l / 2 - 1, clamp(y, top, middle));
  }

  D2L.addFigure("kernel_regression", { initial, build, compute, draw, leaveOneOut });
})();
