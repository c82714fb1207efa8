// A line that follows the pointer, or the arrow keys, and says what a chart is worth there. Without script every chart
// is as complete: only this is missing.
(() => {
  const read = (figure) => JSON.parse(figure.dataset.points);
  const sliderOf = (figure) => figure.querySelector(".plot-slider");

  const show = (figure, index) => {
    const points = read(figure);
    const slider = sliderOf(figure);
    const stop = Math.max(0, Math.min(points.x.length - 1, index));
    const hair = slider.querySelector(".plot-hair");
    const tip = slider.querySelector(".plot-tip");
    const x = Number(points.x[stop]);
    hair.style.left = `${x}%`;
    tip.replaceChildren(...[points.at[stop], ...points.lines.map((line) => `${line.name}: ${line.text[stop]}`)].map((text, row) => {
      const line = document.createElement(row ? "span" : "strong");
      line.textContent = text;
      return line;
    }));
    tip.style.left = x < 50 ? `calc(${x}% + 10px)` : "auto";
    tip.style.right = x < 50 ? "auto" : `calc(${100 - x}% + 10px)`;
    slider.querySelectorAll(".plot-dot").forEach((dot) => dot.remove());
    points.lines.forEach((line) => {
      if (!line.top?.[stop]) return;
      const dot = document.createElement("span");
      dot.className = `plot-dot ${line.css}`;
      dot.style.left = `${x}%`;
      dot.style.top = `${line.top[stop]}%`;
      slider.append(dot);
    });
    slider.classList.add("is-shown");
    slider.setAttribute("aria-valuenow", stop);
    slider.setAttribute("aria-valuetext", tip.innerText.replaceAll("\n", ", "));
  };
  const hide = (slider) => slider.classList.remove("is-shown");

  const prepare = () => document.querySelectorAll("figure[data-points]").forEach((figure) => {
    const slider = sliderOf(figure);
    const last = read(figure).x.length - 1;
    slider.setAttribute("aria-valuemax", last);
    if (!slider.hidden) return;
    slider.hidden = false;
    slider.setAttribute("aria-valuenow", last);
  });

  document.addEventListener("pointermove", (event) => {
    const slider = event.target.closest?.(".plot-slider");
    document.querySelectorAll(".plot-slider.is-shown").forEach((one) => {
      if (one !== slider && one !== document.activeElement) hide(one);
    });
    if (!slider) return;
    const box = slider.getBoundingClientRect();
    const wanted = ((event.clientX - box.left) / box.width) * 100;
    const figure = slider.closest("figure");
    const places = read(figure).x.map(Number);
    let nearest = 0;
    places.forEach((place, index) => { if (Math.abs(place - wanted) < Math.abs(places[nearest] - wanted)) nearest = index; });
    show(figure, nearest);
  });
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
  document.addEventListener("keydown", (event) => {
    const slider = event.target.closest?.(".plot-slider");
    if (!slider) return;
    if (event.key === "Escape") hide(slider);
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    show(slider.closest("figure"), Number(slider.getAttribute("aria-valuenow")) + STEPS[event.key]);
  });
  document.addEventListener("focusout", (event) => { if (event.target.matches?.(".plot-slider")) hide(event.target); });
  document.addEventListener("htmx:afterSettle", prepare);
  prepare();
})();
