// Draws every figure of the page, and draws it again when the theme, the width or the paper (a printer) changes.
(() => {
  "use strict";
  const { palettes, figures } = JSON.parse(document.getElementById("report-data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 44rem)");
  const fonts = getComputedStyle(document.body).fontFamily;
  const SHEET = { width: 680, height: 352 }; // CSS pixels of a printed figure; a printer sends no resize
  const config = {
    responsive: true,
    displaylogo: false,
    showTips: false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };

  // "accent@0.2" -> "rgba(0,114,178,0.2)"
  const colour = (name, palette) => {
    const [key, alpha] = name.split("@");
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(palette[key].slice(i, i + 2), 16));
    return alpha ? `rgba(${r},${g},${b},${alpha})` : palette[key];
  };

  const painted = (value, palette, key = "") => {
    if (Array.isArray(value)) return value.map((item) => painted(item, palette));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, painted(v, palette, k)]));
    return key === "color" || key === "fillcolor" ? colour(value, palette) : value;
  };

  const axis = (own, palette) => ({
    ...own,
    automargin: true,
    gridcolor: palette.grid,
    linecolor: palette.muted,
    showline: true,
    zeroline: false,
    ticks: "outside",
    ticklen: 4,
    tickcolor: palette.muted,
    title: { ...own.title, standoff: 12 },
  });

  const legend = (own) => ({
    ...own,
    ...(narrow.matches
      ? { orientation: "h", x: 0, y: -0.2, yanchor: "top" }
      : { x: 1.02, xanchor: "left", y: 1, yanchor: "top" }),
    itemsizing: "constant",
    title: { ...own.title, side: "top", font: { size: narrow.matches ? 12 : 13 } },
    bgcolor: "rgba(0,0,0,0)",
  });

  const layout = (own, palette) => ({
    ...painted(own, palette),
    ...(printing ? SHEET : { autosize: true }),
    xaxis: axis(own.xaxis, palette),
    yaxis: axis(own.yaxis, palette),
    legend: legend(own.legend),
    font: { family: fonts, size: narrow.matches ? 12 : 13, color: palette.ink },
    paper_bgcolor: palette.paper,
    plot_bgcolor: palette.paper,
    hoverlabel: { bgcolor: palette.paper, bordercolor: palette.muted, font: { family: fonts, color: palette.ink } },
    margin: { l: 56, r: 12, t: 36, b: 48 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: palette.muted, activecolor: palette.ink },
  });

  // The report's own ticks fit its own limits; a zoomed axis counts for itself until it is reset.
  const follow = (div) => (event) => {
    const update = {};
    for (const name of ["xaxis", "yaxis"]) {
      if (`${name}.range[0]` in event) update[`${name}.tickmode`] = "auto";
      if (`${name}.autorange` in event) update[`${name}.tickmode`] = "array";
    }
    if (Object.keys(update).length) Plotly.relayout(div, update);
  };

  let printing = false;
  const draw = () => {
    const palette = palettes[dark.matches && !printing ? "dark" : "light"];
    for (const [name, figure] of Object.entries(figures)) {
      const div = document.getElementById(`plot-${name}`);
      const first = !div.classList.contains("js-plotly-plot");
      Plotly.react(div, painted(figure.data, palette), layout(figure.layout, palette), config);
      if (first) div.on("plotly_relayout", follow(div));
    }
  };

  const print = (now) => () => {
    printing = now;
    draw();
  };

  draw();
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
  addEventListener("beforeprint", print(true));
  addEventListener("afterprint", print(false));
})();
