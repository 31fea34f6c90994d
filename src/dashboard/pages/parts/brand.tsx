/** A barrier that opens. */
export function Brand({ size = 26 }: { readonly size?: number }) {
  return (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 32 32" className="brand">
      <rect width="32" height="32" rx="8" className="brand-ground" />
      <path d="M9 25V14" className="brand-line" />
      <path d="M9 16L25 8.500" className="brand-line" />
      <circle cx="9" cy="14.500" r="2.400" className="brand-dot" />
      <path d="M6 25h6" className="brand-line" />
    </svg>
  )
}
