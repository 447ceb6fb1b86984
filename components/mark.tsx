/** Two faces that look opposite ways. */
export function Mark() {
  return (
    <svg viewBox="0 0 24 24" className="size-4" aria-hidden>
      <path d="M11 3C6 3 3 6.5 3 12l1.5 3L3.8 17.5 6 18.5V21h5z" className="fill-accent-fill" />
      <path d="M13 3c5 0 8 3.5 8 9l-1.5 3 .7 2.5-2.2 1V21h-5z" className="fill-line-strong" />
    </svg>
  );
}
