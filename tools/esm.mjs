// Writes dist/<entry>.mjs and .d.mts: thin wrappers that re-export the CommonJS core by name, so
// that `import` and `require` in one process share one addon and one state.
import { writeFileSync } from 'node:fs';
import ts from 'typescript';
import { at } from './setup/paths.mjs';

const entries = ['index', 'promises', 'onnxruntime', 'transformers', 'score'];
const program = ts.createProgram({
  rootNames: entries.map((entry) => at('dist', `${entry}.d.ts`)),
  options: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
});
const checker = program.getTypeChecker();

function valuesOf(/** @type {string} */ entry) {
  const source = program.getSourceFile(at('dist', `${entry}.d.ts`));
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`dist/${entry}.d.ts exports nothing.`);
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => {
      // The type of a class, without the class.
      if (symbol.declarations?.some(ts.isTypeOnlyExportDeclaration)) return false;
      const target =
        symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return target.flags & ts.SymbolFlags.Value;
    })
    .map((symbol) => symbol.name)
    .sort();
}

// The bridge: where a CommonJS module throws under a static import, Node 20 ends the process even if the
// importer catches the error. Thrown by the wrapper itself, it is an error like any other.
for (const entry of entries) {
  const lines = valuesOf(entry).map((name) => `export const ${name} = core.${name};\n`);
  writeFileSync(
    at('dist', `${entry}.bridge.js`),
    `'use strict';\ntry {\n  exports.core = require('./${entry}.js');\n} catch (error) {\n  exports.error = error;\n}\n`,
  );
  writeFileSync(
    at('dist', `${entry}.mjs`),
    `import bridge from './${entry}.bridge.js';\nif (bridge.core === undefined) throw bridge.error;\nconst { core } = bridge;\n${lines.join('')}`,
  );
  writeFileSync(at('dist', `${entry}.d.mts`), `export * from './${entry}.js';\n`);
}
