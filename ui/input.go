package ui

// The line at the foot in which a filter, a file name or a confirmation is typed.

import (
	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"sockview/keymap"
)

// lineInput is a line being typed: an overlay over the foot of the screen.
type lineInput struct {
	*tview.InputField
	ctx      keymap.Context
	changed  func(text string)
	accept   func(text string)
	cancel   func()
	complete func(text string) []string
}

func newLineInput(th *theme) *lineInput {
	in := &lineInput{InputField: tview.NewInputField()}
	in.SetBackgroundColor(tcell.ColorDefault)
	in.SetFieldStyle(th.text).SetLabelStyle(th.title)
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
	in.SetLabel(tview.Escape(label)).SetText(text)
	in.ctx, in.changed, in.accept, in.cancel = ctx, changed, accept, cancel
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

// place puts the line over the foot, whatever size it is given.
func (in *lineInput) SetRect(x, y, width, height int) {
	in.InputField.SetRect(x, y+height-1, width, min(height, 1))
}
