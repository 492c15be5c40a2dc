// Package rights keeps what this process may do as small as it can be. Settle gives up, for good and in every
// thread, all that sockview does not use; With makes one of the rest effective for as long as one function runs,
// in the one thread that runs it. A filter of system calls (seccomp) sees to it that no other program is ever
// started, and in a read-only run that no other process is signalled.
//
// A capability is a thread's own, and Go moves goroutines between threads and starts threads as it likes. So With
// locks the goroutine to its thread before it raises anything, and lets go of it after all is dropped. That a thread
// which Go starts meanwhile does not inherit what is raised is the runtime's promise for locked threads: it starts
// new ones from a template thread then, which was itself started before (runtime.LockOSThread, newm in proc.go).
//
// It leaves to others what the capabilities are for: they are handed With and know nothing of this room.
package rights

import (
	"runtime"
	"sync/atomic"

	"sockview/model"
)

// Rights are the capabilities that this process kept. They may be used by any goroutine.
type Rights struct {
	held     Set
	readOnly bool
	settled  bool
	filter   error // why there is no filter of system calls; nil: there is one
	lacking  []error
	failed   atomic.Pointer[error] // the first raise or drop that the kernel refused
}

// AsIs gives nothing up and changes nothing: for programs, like tests, that do more than sockview does. Has tells what is
// effective.
func AsIs() (*Rights, error) {
	now, err := current()
	if err != nil {
		return nil, err
	}
	return &Rights{held: now.effective & Used, filter: errNotSettled}, nil
}

// Held are the capabilities that can be made effective: never more than Used.
func (r *Rights) Held() Set { return r.held }

// Has says whether all of need can be made effective.
func (r *Rights) Has(need Set) bool { return r.held&need == need }

// ReadOnly says whether whatever changes the system was given up.
func (r *Rights) ReadOnly() bool { return r.readOnly }

// Filter is why system calls are not filtered, nil when they are. Nothing that sockview does depends on it.
func (r *Rights) Filter() error { return r.filter }

// Trouble is what went wrong in giving up capabilities, or in raising one; nil when nothing did.
func (r *Rights) Trouble() error {
	if failed := r.failed.Load(); failed != nil {
		return *failed
	}
	if len(r.lacking) > 0 {
		return r.lacking[0]
	}
	return nil
}

// Access is what the capabilities allow. How many owners are hidden is for the scan to tell. What
// a read-only run gave up is not missing, nor is the right to enter other network namespaces: these say themselves how far
// they are seen (model.NetNS).
func (r *Rights) Access() model.Access {
	needed := Look | Act
	if r.readOnly {
		needed = Look
	}
	return model.Access{
		Owners: r.Has(Look), Destroy: r.Has(NetAdmin), Kill: r.Has(Kill), Enter: r.Has(SysAdmin),
		ReadOnly: r.readOnly,
		Missing:  (needed &^ r.held).Names(),
	}
}

// With runs f with those of need effective that are held, in this thread and for no longer than f runs. What is not held
// is not raised: then the kernel's answer to what f does says so. Goroutines that f starts have nothing of it. A
// call within f adds to what is raised.
func (r *Rights) With(need Set, f func()) {
	defer r.Raise(need)()
	f()
}

// Raise is With for what is no function: drop ends it, and is to be called by the same goroutine, deferred. The two cost
// a capget and two capset, or nothing when there is nothing to raise.
func (r *Rights) Raise(need Set) (drop func()) {
	raised := need & r.held
	if !r.settled || raised == 0 {
		return func() {}
	}
	runtime.LockOSThread()
	before, err := current()
	during := before
	during.effective |= raised
	if err == nil && during != before {
		err = during.apply()
	}
	if err != nil || during == before {
		if err != nil {
			r.failed.CompareAndSwap(nil, &err)
		}
		return runtime.UnlockOSThread
	}
	return func() {
		if err := before.apply(); err != nil {
			r.failed.CompareAndSwap(nil, &err)
			return // still locked: nobody else runs in this thread, and it ends with its goroutine
		}
		runtime.UnlockOSThread()
	}
}

// For is With for one need: what rooms are handed that use it.
func (r *Rights) For(need Set) func(f func()) {
	return func(f func()) { r.With(need, f) }
}
