// A panic in a goroutine of this package goes on in the goroutine that waits for it: only there can the
// program give the terminal back before it ends.

package proc

import (
	"fmt"
	"runtime/debug"
)

// crash is a panic that was caught, with the stack it came from.
type crash struct {
	value any
	stack []byte
}

func (c *crash) Error() string { return fmt.Sprintf("%v\n\n%s", c.value, c.stack) }

// guard calls do and returns its panic, nil when there was none.
func guard(do func()) (caught *crash) {
	defer func() {
		if v := recover(); v != nil {
			caught = &crash{v, debug.Stack()}
		}
	}()
	do()
	return nil
}
