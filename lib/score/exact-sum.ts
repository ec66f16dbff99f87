/** A sum of float32 values without any rounding, so that it is the same in every order and every split. */

/** Additions after which the mantissas, of 24 bits each, are still exact in float64. */
const most = 2 ** 28;

const bits = new DataView(new ArrayBuffer(4));

export interface ExactSumJson {
  /** The sum of the finite ones in units of 2^-149, in decimal. */
  readonly units: string;
  readonly infinities: number;
  readonly negativeInfinities: number;
}

export class ExactSum {
  /** Of values with each exponent: the sum of their mantissas. */
  private readonly mantissas = new Float64Array(256);
  private pending = 0;
  private units = 0n;
  private infinities = 0;
  private negativeInfinities = 0;

  /** Adds a float32; a NaN is not to be added. */
  add(value: number): void {
    bits.setFloat32(0, value);
    const word = bits.getUint32(0);
    const exponent = (word >>> 23) & 255;
    const negative = word >>> 31 === 1;
    if (exponent === 255) {
      if (negative) this.negativeInfinities++;
      else this.infinities++;
      return;
    }
    const mantissa = (word & 0x7fffff) + (exponent === 0 ? 0 : 0x800000);
    this.mantissas[exponent]! += negative ? -mantissa : mantissa;
    if (++this.pending === most) this.carry();
  }

  merge(other: ExactSum): this {
    other.carry();
    this.units += other.units;
    this.infinities += other.infinities;
    this.negativeInfinities += other.negativeInfinities;
    return this;
  }

  /** The sum, rounded once. */
  value(): number {
    this.carry();
    if (this.infinities > 0) return this.negativeInfinities > 0 ? NaN : Infinity;
    if (this.negativeInfinities > 0) return -Infinity;
    const size = this.units < 0n ? -this.units : this.units;
    const surplus = size.toString(2).length - 64;
    // 64 leading bits, the last of them set if any below is: one rounding to 53.
    const lead =
      surplus <= 0
        ? size
        : (size >> BigInt(surplus)) | (size % (1n << BigInt(surplus)) > 0n ? 1n : 0n);
    const value = Number(lead) * 2 ** (Math.max(surplus, 0) - 149);
    return this.units < 0n ? -value : value;
  }

  toJSON(): ExactSumJson {
    this.carry();
    const { infinities, negativeInfinities } = this;
    return { units: String(this.units), infinities, negativeInfinities };
  }

  static from(json: ExactSumJson): ExactSum {
    const sum = new ExactSum();
    sum.units = BigInt(json.units);
    sum.infinities = json.infinities;
    sum.negativeInfinities = json.negativeInfinities;
    return sum;
  }

  private carry(): void {
    this.mantissas.forEach((sum, exponent) => {
      if (sum !== 0) this.units += BigInt(sum) << BigInt(Math.max(exponent - 1, 0));
    });
    this.mantissas.fill(0);
    this.pending = 0;
  }
}
