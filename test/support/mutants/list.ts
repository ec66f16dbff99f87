/**
 * What keeps the addon from harm, taken out one at a time. For each there is a test that must then fail. Sources are
 * matched by their tokens: layout and comments may change. What is no longer found fails every `npm test`: the cure has
 * moved, and wants the same change where it is now.
 */
export interface Mutant {
  /** Rows of the table in docs/decisions/0004-asynchronous-calls.md, or what is checked. */
  readonly name: string;
  readonly file: string;
  /** Pairs of a text that occurs once, and what it becomes. */
  readonly changes: readonly (readonly [string, string])[];
  /** Scenarios of test/fixtures/crashes.cjs, each of which must fail. */
  readonly scenarios?: readonly string[];
  /** Tests of jest, which must fail. */
  readonly tests?: readonly string[];
}

/** A job on libuv's own threads, as an addon without a pool has it. */
const LIBUV = `
  napi_value name;
  napi_create_string_utf8(env, "libuv", NAPI_AUTO_LENGTH, &name);
  napi_async_work work;
  napi_create_async_work(
      env, nullptr, name, [](napi_env, void* data) { static_cast<AsyncJob*>(data)->run(); },
      [](napi_env, napi_status, void*) {}, job.get(), &work);
  napi_queue_async_work(env, work);`;

export const mutants: readonly Mutant[] = [
  {
    name: 'a, b, c, d: inputs are copied; here a reference to the buffer is held instead',
    file: 'native/binding/async.cpp',
    changes: [
      [
        'x != nullptr && is_fixed_shared(env, x, &x_buffer);',
        'x != nullptr && (is_fixed_shared(env, x, &x_buffer) || true);',
      ],
    ],
    scenarios: ['transfer', 'postMessage', 'resize', 'write'],
  },
  {
    name: "c: the output's length is read again when the result is copied into it",
    file: 'native/binding/async.cpp',
    changes: [
      [
        'check_output(env, arguments[1], *job->op, job->y_format(), job->y_needed, &y);',
        'check_output(env, arguments[1], *job->op, job->y_format(), 0, &y);',
      ],
    ],
    scenarios: ['output'],
  },
  {
    name: 'e, i, j: nobody wakes the loop of an environment that has ended',
    file: 'native/binding/environment.cpp',
    changes: [['(*environment)->shut_down();', '']],
    scenarios: ['terminate'],
  },
  {
    name: 'i, j: the end of an environment waits for work in its memory',
    file: 'native/binding/environment.cpp',
    changes: [
      ['if (job.borrows && job.stage == AsyncJob::Stage::kRunning) return false;', '(void)job;'],
      ['job->cancel.store(true, std::memory_order_relaxed);\n    if (job->stage', 'if (job->stage'],
    ],
    scenarios: ['terminate'],
  },
  {
    name: 'f: the code stays mapped when the last worker that loaded it has ended',
    file: 'CMakeLists.txt',
    changes: [['-Wl,-z,nodelete ', '']],
    scenarios: ['unload'],
  },
  {
    name: 'g: threads of our own',
    file: 'native/binding/async.cpp',
    changes: [['if (!enqueue(job.get())) job->run();', LIBUV]],
    scenarios: ['libuv'],
  },
  {
    name: "h: the pool's state is never destroyed",
    file: 'native/runtime/pool.cpp',
    changes: [
      ['Pool* fresh = new (std::nothrow) Pool;', 'static Pool held;\n  Pool* fresh = &held;'],
    ],
    scenarios: ['idleExit'],
  },
  {
    name: 'k: the loop is held while anything is pending',
    file: 'native/binding/environment.cpp',
    changes: [['if (pending_++ == 0) napi_ref_threadsafe_function(env, wake_);', 'pending_++;']],
    scenarios: ['pending'],
  },
  {
    name: 'l: and let go when nothing is',
    file: 'native/binding/environment.cpp',
    changes: [['if (--pending_ == 0) napi_unref_threadsafe_function(env, wake_);', '--pending_;']],
    scenarios: ['settled'],
  },
  {
    name: 'l: or was yet',
    file: 'native/binding/environment.cpp',
    changes: [['napi_unref_threadsafe_function(env, wake);\n  Shared*', 'Shared*']],
    scenarios: ['unused'],
  },
  {
    name: "the input's length is checked past TypeScript",
    file: 'native/binding/spec.cpp',
    changes: [['if (checked->x.length < input_span(call)) return Status::kBadInput;', '']],
    tests: ['test/proof/addon'],
  },
  {
    name: "the output's length is checked past TypeScript",
    file: 'native/binding/spec.cpp',
    changes: [['if (array.length < needed) return Status::kBadOutput;', '(void)needed;']],
    tests: ['test/proof/addon'],
  },
  {
    name: 'outputs that overlap the input are refused',
    file: 'native/binding/spec.cpp',
    changes: [['return in_place ? Status::kOk : Status::kOverlap;', 'return Status::kOk;']],
    tests: ['test/proof/addon', 'test/proof/calls'],
  },
  {
    name: "an operand's length is checked past TypeScript",
    file: 'native/binding/spec.cpp',
    changes: [
      [
        'if (array.length < bytes / element_bytes(operand.element)) return Status::kBadOperand;',
        '(void)bytes;',
      ],
    ],
    tests: ['test/proof/operands'],
  },
  {
    name: 'outputs that overlap another array of the call are refused',
    file: 'native/binding/spec.cpp',
    changes: [['c.op->operand_count > 0 && operands_overlap', 'false && operands_overlap']],
    tests: ['test/proof/operands'],
  },
  {
    name: 'inputs of a pending call are copied, all of them',
    file: 'native/binding/job.cpp',
    changes: [
      [
        'if (!op->operands[i].written) std::memcpy(next, given.data[i], given.bytes[i]);',
        'if (!op->operands[i].written) operands.data[i] = given.data[i];',
      ],
    ],
    tests: ['test/proof/operands'],
  },
  {
    name: 'a target that is no column is refused',
    file: 'native/ops/loss.h',
    changes: [['if (s.target >= n && n > 0) refuse(call, 0, Refusal::kTarget);', '']],
    tests: ['test/proof/operands'],
  },
  {
    name: 'tokens that are no columns are refused',
    file: 'native/ops/adjust.h',
    changes: [
      ['return begin >= end || most < n_;', 'return begin >= end || most < 1u << 24;'],
      ['return static_cast<uint32_t>(token) < n_;', 'return token < 1 << 24 || n_ == 0;'],
    ],
    tests: ['test/proof/sample.test'],
  },
  {
    name: 'damaged states are refused',
    file: 'native/binding/state.cpp',
    changes: [
      [
        '!get_state(env, arguments[1], &others, &other) ||',
        '!get_numbers(env, arguments[1], &others) ||',
      ],
    ],
    tests: ['test/proof/functions'],
  },
  {
    name: 'a file that is cut off while it is looked at is no end of the process',
    file: 'native/runtime/mapped_file.cpp',
    changes: [
      ['looked_at->replace(info->si_addr))', 'looked_at->replace(info->si_addr) && number < 0)'],
    ],
    tests: ['test/score-sweep'],
  },
  {
    name: 'references to shared memory are given back',
    file: 'native/binding/job.cpp',
    changes: [['if (reference != nullptr) napi_delete_reference(env, reference);', '']],
    tests: ['test/proof/leaks'],
  },
  {
    name: 'a fused multiply-add rounds once, on every instruction set',
    file: 'native/simd/f32x16_avx2.h',
    changes: [
      ['_mm256_fmadd_ps(a.lo, b.lo, c.lo)', '_mm256_add_ps(_mm256_mul_ps(a.lo, b.lo), c.lo)'],
    ],
    tests: ['test/proof/bits'],
  },
];
