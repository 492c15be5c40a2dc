package sampler

// Standing still.

import "time"

// pause is a time in which Run looks at nothing.
type pause struct{ gone, over chan struct{} }

// pausePatience is for how long Run may be busy before it is not waited for.
const pausePatience = time.Second

// Pause runs f, which stops the process as a rule, while nothing is open in other network namespaces: a process that is
// stopped would keep those up that have ended. Run does nothing meanwhile; then it looks into them again. Where it does not
// run, or is busy for a second, f runs all the same.
func (s *Sampler) Pause(f func()) {
	p := pause{make(chan struct{}), make(chan struct{})}
	defer close(p.over)
	late := time.NewTimer(pausePatience)
	defer late.Stop()
	select {
	case s.pauses <- p:
		<-p.gone
	case <-late.C:
	}
	f()
}
