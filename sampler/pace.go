package sampler

// How often the kernel is asked: as often as was chosen, unless its answers alone would take too much of that time.

import "time"

const (
	// dumpShare is the part of the interval that the kernel's dumps may take: one in so many.
	dumpShare = 5
	// steps is how many steps of a stretched interval make the chosen one, so that the figure a person reads stays.
	steps = 4
)

// pace is the interval in force.
type pace struct {
	chosen   time.Duration
	interval time.Duration    // at least chosen
	dumps    [2]time.Duration // how long the kernel took the last two times, the newer one first
}

// choose begins with an interval that somebody chose.
func (p *pace) choose(interval time.Duration) {
	if interval == p.chosen {
		return
	}
	p.chosen, p.interval = interval, interval
	p.settle()
}

// dumped takes note of how long the kernel's dumps took: the time inside it, without what became of its answers.
func (p *pace) dumped(took time.Duration) {
	p.dumps = [2]time.Duration{took, p.dumps[0]}
	p.settle()
}

// settle stretches the interval when two dumps in a row took too long for it, for one may have been kept waiting by
// others, and shortens it when two in a row would clearly do with less, so that it does not go to and fro.
func (p *pace) settle() {
	low, high := min(p.dumps[0], p.dumps[1]), max(p.dumps[0], p.dumps[1])
	if need := p.round(dumpShare * low); need > p.interval {
		p.interval = need
	}
	if less := p.round(dumpShare * high * 10 / 9); less < p.interval {
		p.interval = less
	}
}

// round is the shortest interval of whole steps that is not below d or the chosen one.
func (p *pace) round(d time.Duration) time.Duration {
	if d <= p.chosen {
		return p.chosen
	}
	step := max(p.chosen/steps, 1)
	return (d + step - 1) / step * step
}
