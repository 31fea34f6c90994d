const paths = {
  gauge: 'M12 14l4-4M4.9 18a9 9 0 1 1 14.2 0',
  people:
    'M16 20v-1.5a3.5 3.5 0 0 0-3.5-3.5h-5A3.5 3.5 0 0 0 4 18.5V20M10 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M20 20v-1.5a3.5 3.5 0 0 0-2.6-3.4M15 4.3a3.5 3.5 0 0 1 0 6.5',
  key: 'M14.5 9.5L20 4M17.5 6.5l2 2M15 12a5 5 0 1 1-3-3l3 3',
  calls: 'M4 6h16M4 12h10M4 18h13',
  tag: 'M4 4h7l9 9-7 7-9-9zM8 8h.01',
  coin: 'M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16M14.5 9.5c-.5-.9-1.400-1.300-2.500-1.300-1.500 0-2.500.7-2.500 1.900 0 2.700 5.200 1.200 5.200 3.900 0 1.200-1.100 1.900-2.700 1.900-1.300 0-2.200-.5-2.700-1.400M12 6.700v1.500M12 15.900v1.400',
  bolt: 'M13 3L5 14h6l-1 7 8-11h-6z',
  list: 'M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01',
  sliders: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  shield: 'M12 3l7 3v5c0 4.500-3 8-7 10-4-2-7-5.500-7-10V6zM9 12l2 2 4-4',
  brush: 'M14 4l6 6-8.500 8.500a3 3 0 0 1-4.200 0L4 15l8-8zM14 4l-2 3M9.500 9.500l5 5',
  file: 'M14 3H7a1 1 0 0 0-1 1v16a1 1 0 0 0 1 1h10a1 1 0 0 0 1-1V7zM14 3v4h4M9 13h6M9 17h4',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400',
  moon: 'M20 14.500A8 8 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500',
  globe:
    'M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16M4 12h16M12 4c2.500 2.500 3 5 3 8s-.5 5.500-3 8c-2.500-2.500-3-5-3-8s.5-5.500 3-8',
  leave: 'M10 5H5v14h5M14 8l4 4-4 4M18 12H9',
  search: 'M11 17a6 6 0 1 0 0-12 6 6 0 0 0 0 12M20 20l-4.700-4.700',
  plus: 'M12 5v14M5 12h14',
  warning: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  download: 'M12 4v11M8 11l4 4 4-4M5 19h14',
  empty: 'M4 13l3-8h10l3 8v6H4zM4 13h5l1 2h4l1-2h5',
  play: 'M8 5l11 7-11 7z',
  pause: 'M8 5v14M16 5v14',
} as const

export type IconName = keyof typeof paths

/** A drawing beside a word that says the same, so it is silent for readers of the page. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={paths[name]} />
    </svg>
  )
}
