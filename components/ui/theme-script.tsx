/**
 * Sets the theme before the body is parsed, so that the first paint has it. React escapes quotes, < and & in the text
 * of a script, so this one contains none.
 */
const SET_THEME = `
var theme = null;
try { theme = localStorage.getItem(\`theme\`) } catch {}
if (theme !== \`light\`) if (theme !== \`dark\`) theme = matchMedia(\`(prefers-color-scheme: dark)\`).matches ? \`dark\` : \`light\`;
document.documentElement.dataset.theme = theme;
`;

/** Goes into the document's head. `nonce` is that of the page's content security policy. */
export function ThemeScript({ nonce }: { nonce?: string }) {
  // A browser hides the nonce from scripts, so the one in the document never equals ours.
  return (
    <script nonce={nonce} suppressHydrationWarning>
      {SET_THEME}
    </script>
  );
}
