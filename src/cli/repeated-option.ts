type Token = { readonly kind: string; readonly name?: string };

/** The first of the options that is given twice; parseArgs() would drop all but the last one in silence. */
export function repeatedOption(tokens: readonly Token[], options: readonly string[]): string | undefined {
  const given = tokens.flatMap(({ kind, name }) => (kind === 'option' && name !== undefined ? [name] : []));
  return given.find((name, index) => options.includes(name) && given.indexOf(name) !== index);
}
