/** The word with which the page's policy lets its own style elements in. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? ''
}

// The part of Mantine that locks scrolling behind a dialog asks for it by this name.
Object.assign(globalThis, { __webpack_nonce__: styleNonce() })
