/** JSON with an infinity as a string, as lines of results have it, so that it is none of the nulls that say: not known. */
export function jsonText(value: unknown, indent?: number): string {
  const asText = (_key: string, each: unknown): unknown =>
    each === Infinity || each === -Infinity ? String(each) : each;
  return JSON.stringify(value, asText, indent);
}
