/**
 * Observable Plot and a document for it to draw in, from the bundle that the build makes (tools/plot.mjs): a report is
 * drawn without a browser, and whoever installs softlane installs none of it.
 */
import type * as PlotModule from '@observablehq/plot' with { 'resolution-mode': 'import' };

type Plot = typeof PlotModule;

interface Bundle extends Plot {
  parseHTML(html: string): { readonly document: never };
}

let bundle: Bundle | undefined;

export function plot(): Bundle {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- beside the compiled file, and loaded late
  bundle ??= require('./plot-bundle.js') as Bundle;
  return bundle;
}

export type PlotOptions = PlotModule.PlotOptions;
export type Markish = PlotModule.Markish;

/** The figure as SVG, so many pixels wide, with colours as variables of the page. */
export function drawSvg(options: PlotOptions, label: string, width: number): string {
  const { document } = plot().parseHTML('<!doctype html><html><body></body></html>');
  const figure = plot().plot({
    width,
    marginLeft: 56,
    marginBottom: 40,
    style: { fontSize: '12px', background: 'none', overflow: 'visible' },
    ...options,
    document,
  });
  figure.setAttribute('role', 'img');
  figure.setAttribute('aria-label', label);
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return figure.outerHTML;
}
