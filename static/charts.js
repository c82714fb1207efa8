// A line that follows the pointer, a finger or the arrow keys, and says what a chart is worth there. Without script every
// chart is as complete: only this is missing.
(() => {
  const sliders = () => document.querySelectorAll(".plot-slider");
  const under = (event) => event.target.closest?.(".plot-slider");
  const read = (slider) => JSON.parse(slider.closest("figure").dataset.points);
  const nearest = (places, wanted) => places.reduce(
    (best, place, index) => (Math.abs(place - wanted) < Math.abs(places[best] - wanted) ? index : best), 0);

  // What happened there, besides: the marks drawn on the chart, whose own titles are out of reach below the slider.
  const happened = (slider, places, stop) => [...slider.closest("figure").querySelectorAll(".plot-body > svg[x]")]
    .filter((mark) => nearest(places, parseFloat(mark.getAttribute("x"))) === stop)
    .flatMap((mark) => (mark.querySelector("title")?.textContent ?? "").split("\n").filter(Boolean));

  const fill = (slider, wanted) => {
    const points = read(slider);
    const places = points.x.map(Number);
    const stop = Math.max(0, Math.min(places.length - 1, wanted));
    const texts = [
      points.at[stop],
      ...points.lines.map((line) => `${line.name}: ${line.text[stop]}`),
      ...happened(slider, places, stop),
    ];
    slider.querySelector(".plot-tip").replaceChildren(...texts.map((text, row) => {
      const line = document.createElement(row ? "span" : "strong");
      line.textContent = text;
      return line;
    }));
    slider.setAttribute("aria-valuemax", places.length - 1);
    slider.setAttribute("aria-valuenow", stop);
    slider.setAttribute("aria-valuetext", texts.join(", "));
    return { points, stop, place: places[stop] };
  };

  const show = (slider, wanted) => {
    const { points, stop, place } = fill(slider, wanted);
    const tip = slider.querySelector(".plot-tip");
    slider.querySelectorAll(".plot-dot").forEach((dot) => dot.remove());
    points.lines.forEach((line) => {
      if (!line.top?.[stop]) return;
      const dot = document.createElement("span");
      dot.className = `plot-dot ${line.css}`;
      dot.style.left = `${place}%`;
      dot.style.top = `${line.top[stop]}%`;
      slider.append(dot);
    });
    slider.querySelector(".plot-hair").style.left = `${place}%`;
    slider.classList.add("is-shown");
    // Beside the line, on the side where there is more room, and never beyond the chart.
    const [width, at] = [slider.clientWidth, (slider.clientWidth * place) / 100];
    const beside = place < 50 ? at + 10 : at - 10 - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(width - tip.offsetWidth, beside))}px`;
  };
  const current = (slider) => Number(slider.getAttribute("aria-valuenow"));
  const hide = (slider) => slider.classList.remove("is-shown");
  // What is read by keyboard stays where it is while a pointer passes by.
  const hideOthers = (slider) => sliders().forEach((one) => {
    if (one !== slider && !one.matches(":focus-visible")) hide(one);
  });

  const prepare = () => sliders().forEach((slider) => {
    if (slider.hidden) {
      slider.hidden = false;
      fill(slider, Infinity);
    } else if (slider.classList.contains("is-shown")) {
      show(slider, current(slider));
    } else {
      fill(slider, current(slider));
    }
  });

  const follow = (event) => {
    const slider = under(event);
    hideOthers(slider);
    if (!slider) return;
    const box = slider.getBoundingClientRect();
    show(slider, nearest(read(slider).x.map(Number), ((event.clientX - box.left) / box.width) * 100));
  };
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerdown", follow); // a finger that taps does not move
  document.documentElement.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hideOthers(null); });

  const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
  document.addEventListener("keydown", (event) => {
    const slider = under(event);
    if (!slider) return;
    if (event.key === "Escape") hide(slider);
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    show(slider, current(slider) + STEPS[event.key]);
  });
  document.addEventListener("focusin", (event) => { if (under(event)?.matches(":focus-visible")) show(under(event), current(under(event))); });
  document.addEventListener("focusout", (event) => { if (under(event)) hide(under(event)); });
  document.addEventListener("htmx:afterSettle", prepare);
  prepare();
})();
