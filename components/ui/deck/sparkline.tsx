const HEIGHT = 100;

/**
 * The shape of a number over time, on its own scale, for a cell of a table. It runs in the browser, so it draws without
 * the library of the large charts. A missing value leaves a gap.
 */
export function Sparkline({ label, values }: { label: string; values: readonly (number | null)[] }) {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const pieces = piecesOf(values).map(({ first, numbers }) => ({
    first,
    numbers,
    points: numbers
      .map((value, step) => `${first + step + 0.5} ${Math.round(HEIGHT - (value / most) * HEIGHT)}`)
      .join("L"),
  }));
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${Math.max(1, values.length)} ${HEIGHT}`}
      preserveAspectRatio="none"
      className="block h-5 w-28 max-w-full min-w-20 overflow-visible"
    >
      {pieces.map(({ first, numbers, points }) => (
        <g key={first}>
          <path
            d={`M${first + 0.5} ${HEIGHT}L${points}L${first + numbers.length - 0.5} ${HEIGHT}Z`}
            className="fill-ready opacity-20"
          />
          <path
            d={`M${points}${numbers.length === 1 ? "h0.5" : ""}`}
            fill="none"
            strokeWidth={1.5}
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
            className="stroke-ready"
          />
        </g>
      ))}
    </svg>
  );
}

/** The values between gaps, and the step at which each piece begins. */
function piecesOf(values: readonly (number | null)[]): { first: number; numbers: number[] }[] {
  const pieces: { first: number; numbers: number[] }[] = [];
  for (const [step, value] of values.entries()) {
    if (value === null) continue;
    const last = pieces.at(-1);
    if (last !== undefined && last.first + last.numbers.length === step) last.numbers.push(value);
    else pieces.push({ first: step, numbers: [value] });
  }
  return pieces;
}
