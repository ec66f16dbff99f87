/**
 * What the compiler made of each instruction set's unit. An inline function that two objects share is kept once by the
 * linker, perhaps as its AVX-512 copy; a static initialiser runs before any CPU check. Both would be an illegal
 * instruction on an older CPU, and neither shows on the machine that builds.
 */
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const build = join(__dirname, '..', 'build');
const addon = join(build, 'Release', 'softlane.node');
const x86 = process.arch === 'x64';
const tables: Record<string, string> = x86
  ? { scalar: 'kScalar', avx2: 'kAvx2', avx512: 'kAvx512' }
  : process.arch === 'arm64'
    ? { scalar: 'kScalar', neon: 'kNeon' }
    : { scalar: 'kScalar' };

const objects = readdirSync(join(build, 'CMakeFiles'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.o') && !file.includes('CompilerId'))
  .map((file) => join(build, 'CMakeFiles', file));
const isaObject = (isa: string) =>
  objects.find((file) => file.includes(`softlane_isa_${isa}.dir`)) ?? `no object for ${isa}`;
const otherObjects = objects.filter((file) => !file.includes('softlane_isa_'));

function tool(name: string, ...args: string[]): string {
  return execFileSync(name, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

/** [type letter, name] of every symbol; the letters are those of nm(1). */
function symbols(file: string): [string, string][] {
  return tool('nm', '--demangle', file)
    .split('\n')
    .filter(Boolean)
    .map((line) => /^(?:[0-9a-f]+)? *(\S) (.*)$/.exec(line))
    .map((match) => [match?.[1] ?? '?', match?.[2] ?? '?']);
}

function mnemonics(file: string): string[] {
  const lines = tool('objdump', '--disassemble', '--no-show-raw-insn', file).split('\n');
  return lines.map((line) => /^\s*[0-9a-f]+:\s+(.*)$/.exec(line)?.[1] ?? '').filter(Boolean);
}

// Every AVX instruction, on whatever register, is spelled with a v; so are verr and verw, which are old.
const isAvx = (instruction: string) => /^v(?!er[rw]\b)/.test(instruction);

// A sanitizer adds symbols and constructors of its own.
const linux = process.platform === 'linux' && !process.env.SOFTLANE_SANITIZE;

(linux ? describe : describe.skip)('objects of the build', () => {
  test('there is one for each instruction set, and others', () => {
    const found = objects.filter((file) => file.includes('softlane_isa_')).map((f) => basename(f));
    expect(found.sort()).toEqual(
      Object.keys(tables)
        .map((isa) => `${isa}.cpp.o`)
        .sort(),
    );
    expect(otherObjects.length).toBeGreaterThan(3);
  });

  describe.each(Object.entries(tables))('%s', (isa, table) => {
    test('exports its table and nothing else', () => {
      const global = symbols(isaObject(isa)).filter(([type]) => /[A-TV-Z]/.test(type));
      expect(global.map(([, name]) => name)).toEqual([`softlane::${table}`]);
    });

    test('has no symbol that the linker could merge with another object’s', () => {
      expect(symbols(isaObject(isa)).filter(([type]) => /[vVwWu]/.test(type))).toEqual([]);
    });

    test('calls nothing outside but plain memory functions', () => {
      const outside = symbols(isaObject(isa)).filter(([type]) => type === 'U');
      const allowed = /^(memcpy|memset|memmove|fmaf?|_GLOBAL_OFFSET_TABLE_)$/;
      expect(outside.map(([, name]) => name).filter((name) => !allowed.test(name))).toEqual([]);
    });

    test('runs nothing at load', () => {
      const sections = tool('readelf', '--section-headers', '--wide', isaObject(isa));
      expect(sections).toContain('.text');
      expect(sections).not.toMatch(/\.(init_array|preinit_array|ctors|init)\b/);
    });
  });

  (x86 ? describe : describe.skip)('instructions', () => {
    test.each([
      ['scalar', /%[yz]mm|%k[1-7]/, false],
      ['avx2', /%ymm/, true],
      ['avx2', /%zmm|%k[1-7]|%[xy]mm(1[6-9]|2\d|3[01])/, false],
      ['avx512', /%zmm/, true],
    ])('of %s: some match %p is %p', (isa, pattern, expected) => {
      expect(mnemonics(isaObject(isa)).some((line) => pattern.test(line))).toBe(expected);
    });

    test('of everything outside the vector units are those of the baseline', () => {
      for (const file of [isaObject('scalar'), ...otherObjects]) {
        expect({ file, avx: mnemonics(file).filter(isAvx) }).toEqual({ file, avx: [] });
      }
      expect(mnemonics(isaObject('avx2')).some(isAvx)).toBe(true);
    });

    test('of AVX in the linked addon are those of the vector units, and none of a library', () => {
      const count = (file: string): number => mnemonics(file).filter(isAvx).length;
      expect(count(addon)).toBe(count(isaObject('avx2')) + count(isaObject('avx512')));
    });
  });

  // A child that is forked while another thread is inside one would wait at it for ever.
  test('the runtime has no guarded static', () => {
    const runtime = otherObjects.filter((file) => file.includes('runtime'));
    expect(runtime.length).toBeGreaterThan(3);
    for (const file of runtime) {
      const guards = symbols(file).filter(([, name]) => name.includes('__cxa_guard'));
      expect({ file, guards }).toEqual({ file, guards: [] });
    }
  });

  test('the addon exports its two entry points and cannot be unmapped', () => {
    const exported = tool('nm', '--dynamic', '--defined-only', addon).trim().split('\n');
    expect(exported.map((line) => line.split(' ').at(-1)).sort()).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ]);
    expect(tool('readelf', '--dynamic', addon)).toMatch(/FLAGS_1.*NODELETE/);
  });
});
