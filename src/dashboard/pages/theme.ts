import { type CSSVariablesResolver, createTheme, Menu, Modal } from '@mantine/core'

const sans = [
  ...['Inter', 'system-ui', '-apple-system', 'Segoe UI', 'Roboto', 'PingFang SC', 'Microsoft YaHei'],
  ...['Noto Sans SC', 'Noto Sans CJK SC', 'sans-serif'],
]

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 8 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: sans.map((name) => (name.includes(' ') ? `"${name}"` : name)).join(', '),
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  components: {
    // Nothing but its items may stand in a menu (WAI-ARIA 1.2, menu).
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }),
    // A dialog has a head of its own, and the page one banner.
    Modal: Modal.extend({ defaultProps: { attributes: { header: { role: 'none' } } } }),
  },
  headings: { fontWeight: '650', sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.05rem' } } },
})

// The shades that come with the components are too pale to be read easily (WCAG 2.2, 1.4.3).
export const readable: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
    '--mantine-color-placeholder': 'var(--mantine-color-gray-6)',
    '--mantine-color-error': 'var(--mantine-color-red-9)',
    '--mantine-color-red-light': 'var(--mantine-color-red-0)',
    '--mantine-color-yellow-light': 'var(--mantine-color-yellow-0)',
    '--mantine-color-orange-light': 'var(--mantine-color-orange-0)',
    '--mantine-color-yellow-light-color': '#7a4b00',
    '--mantine-color-orange-light-color': '#8f3300',
    '--house-ground': 'var(--mantine-color-gray-0)',
    '--house-line': 'var(--mantine-color-gray-3)',
    '--house-hover': 'var(--mantine-color-gray-0)',
  },
  dark: {
    '--mantine-color-dimmed': 'var(--mantine-color-dark-1)',
    '--mantine-color-placeholder': 'var(--mantine-color-dark-2)',
    '--mantine-color-error': 'var(--mantine-color-red-4)',
    '--mantine-color-red-light': '#3d1c1c',
    '--mantine-color-yellow-light': '#3a2f0d',
    '--mantine-color-orange-light': '#3f2410',
    '--mantine-color-blue-light': '#152c40',
    '--house-ground': 'var(--mantine-color-dark-8)',
    '--house-line': 'var(--mantine-color-dark-5)',
    '--house-hover': 'var(--mantine-color-dark-6)',
  },
})
