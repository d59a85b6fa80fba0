/** Names in the order of their numbers in binary headers (Java: LanguageCode). */
const LANGUAGES = [
  'JAVA',
  'CPP',
  'DOTNET',
  'PYTHON',
  'DELPHI',
  'ERLANG',
  'RUBY',
  'OTHER',
  'HTTP',
  'GO',
  'PHP',
  'OMS',
  'RUST',
  'NODE_JS',
] as const;

export type LanguageCode = (typeof LANGUAGES)[number];

export function languageOfNumber(value: number): LanguageCode {
  return LANGUAGES[value] ?? 'OTHER';
}

export function languageOfName(name: string): LanguageCode {
  return LANGUAGES.find((language) => language === name) ?? 'OTHER';
}

export function numberOfLanguage(language: LanguageCode): number {
  return LANGUAGES.indexOf(language);
}
