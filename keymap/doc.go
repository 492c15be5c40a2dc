// Package keymap holds what a user can ask for, as data: actions, the keys and flags that ask for them,
// and the words that explain them.
//
// There is one table (see Default). From it follow dispatch, the footer, the help screen, --help, the
// README's tables and what the user's config may rebind. A flag is a key pressed before the start, so
// flags are rows of the same table.
//
//   - Key, ParseKey: the spelling of a key. ui turns the terminal's events into Keys.
//   - Binding, Map: which key means what in which Context, and rebinding.
//   - Options, ParseArgs: the command line.
//   - Map.Usage, Map.Markdown, Map.MarkdownElsewhere: --help and the README's tables.
//
// What an action does is left to ui and main; the names of columns and the filter language are model's, so
// Options carries them as they were typed.
package keymap
