package ui

// The line at the foot in which a filter, a file name or a confirmation is typed.

import (
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"sockview/keymap"
	"sockview/model"
)

// lineInput is a line being typed: an overlay over the foot of the screen.
type lineInput struct {
	*tview.InputField
	theme   *theme
	label   string
	shown   string // the label as far as there is room
	x, y    int
	width   int
	ctx     keymap.Context
	changed func(text string)
	accept  func(text string)
	cancel  func()
}

func newLineInput(th *theme) *lineInput {
	in := &lineInput{InputField: tview.NewInputField(), theme: th}
	in.SetBackgroundColor(tcell.ColorDefault)
	in.SetFieldStyle(th.text)
	in.SetChangedFunc(func(text string) {
		if in.changed != nil {
			in.changed(text)
		}
	})
	return in
}

// ask opens the line with a label and a text to begin with.
func (in *lineInput) ask(ctx keymap.Context, label, text string, changed, accept func(string), cancel func()) {
	in.changed = nil // not for what it begins with
	in.SetText(text)
	in.label, in.ctx, in.changed, in.accept, in.cancel = label, ctx, changed, accept, cancel
}

func (in *lineInput) context() keymap.Context { return in.ctx }
func (in *lineInput) refresh()                {}

func (in *lineInput) act(action keymap.Action) bool {
	switch action {
	case keymap.FilterAccept, keymap.PromptAccept:
		in.accept(in.GetText())
	case keymap.FilterClear, keymap.PromptCancel:
		in.cancel()
	default:
		return false
	}
	return true
}

// SetRect puts the line over the foot, whatever size it is given. A long label gives way from its beginning, so
// that there is room to type and what is asked for, at its end, stays in sight.
func (in *lineInput) SetRect(x, y, width, height int) {
	in.shown = in.label
	if over := textWidth(in.label) - (width - max(5, width/4)); over > 0 {
		in.shown = string(in.theme.cut()) + skipCells(in.label, over+1)
	}
	in.x, in.y, in.width = x, y+height-1, width
	used := min(textWidth(in.shown), width)
	in.InputField.SetRect(x+used, in.y, width-used, min(height, 1))
}

// PasteHandler takes pasted text as it would be shown: in one line, with nothing in it that steers or hides.
func (in *lineInput) PasteHandler() func(string, func(tview.Primitive)) {
	paste := in.InputField.PasteHandler()
	return func(text string, setFocus func(tview.Primitive)) {
		oneLine := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(strings.TrimSpace(text))
		paste(model.SafeText(oneLine).String(), setFocus)
	}
}

// Draw paints the label itself: as plain text, on the terminal's own background.
func (in *lineInput) Draw(screen tcell.Screen) {
	put(screen, in.x, in.y, in.width, in.shown, in.theme.title, in.theme.cut())
	in.InputField.Draw(screen)
}
