package sampler

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sockview/model"
	"sockview/sampler/proc"
)

const (
	// scanBudget bounds one owner scan; what it did not reach is looked for in the next.
	scanBudget = 2 * time.Second
	// rescanEvery is how often every process is looked at again, for sockets that were passed on or
	// inherited. A scan that takes long makes it rarer: see rescanShare.
	rescanEvery = 10 * time.Second
	// rescanShare bounds full scans to one part in so many of one core.
	rescanShare = 50
)

// owners runs the owner scan beside the ticks: questions go out and answers come back, one at a time.
type owners struct {
	scanner  *proc.Scanner
	requests chan proc.Request
	answers  chan scanned

	busy     bool
	nextFull time.Time
	tried    map[uint32]bool // inodes that one scan did not find; the next one's word is final
	source   model.Source
}

type scanned struct {
	request proc.Request
	result  proc.Result
	took    time.Duration
}

func newOwners(s *proc.Scanner) *owners {
	return &owners{
		scanner:  s,
		requests: make(chan proc.Request, 1),
		answers:  make(chan scanned, 1),
		tried:    make(map[uint32]bool),
		source:   model.Source{Name: "owners"},
	}
}

func (o *owners) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-o.requests:
			start := time.Now()
			result := o.scanner.Scan(ctx, q)
			select {
			case o.answers <- scanned{q, result, time.Since(start)}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// ask starts a scan when there is something to look for and none runs.
func (o *owners) ask(ctx context.Context, t *model.Tracker) {
	if o.busy || ctx.Err() != nil {
		return
	}
	q := proc.Request{Inodes: t.Unowned(nil), Budget: scanBudget}
	for _, id := range t.Idle(nil) {
		q.Check = append(q.Check, proc.ID(id))
	}
	now := time.Now()
	if o.nextFull.IsZero() {
		o.nextFull = now.Add(rescanEvery)
	}
	q.Full = now.After(o.nextFull)
	if len(q.Inodes) == 0 && len(q.Check) == 0 && !q.Full {
		return
	}
	o.busy = true
	o.requests <- q
}

// take gives a scan's answer to the tracker. An inode that was not found is looked for once more before that
// is its answer: between the dump and the scan a socket may be on its way from one process to another.
func (o *owners) take(a scanned, t *model.Tracker) {
	o.busy = false
	o.source.Err = a.result.Err
	if a.result.Err == nil && !a.result.Complete {
		o.source.Err = fmt.Errorf("the scan was cut off after %v", scanBudget)
	}
	answer := model.Owners{Processes: a.result.Processes, Why: model.NoProcess}
	if a.result.Denied > 0 {
		answer.Why = model.NoPermission
	}
	for _, h := range a.result.Holds {
		answer.Holds = append(answer.Holds, model.Hold{Inode: h.Inode, ProcessID: model.ProcessID(h.ID)})
	}
	for _, id := range a.result.Gone {
		answer.Gone = append(answer.Gone, model.ProcessID(id))
	}
	full := a.request.Full && a.result.Complete
	if full {
		o.nextFull = time.Now().Add(max(rescanEvery, rescanShare*a.took))
		clear(o.tried)
	} else {
		answer.Asked = o.settle(a, &answer)
	}
	t.Own(&answer)
}

// settle is the inodes for which the answer counts: those found, and those not found for the second time.
func (o *owners) settle(a scanned, answer *model.Owners) []uint32 {
	settled := make([]uint32, 0, len(a.request.Inodes))
	h := 0
	for _, inode := range a.request.Inodes {
		for h < len(answer.Holds) && answer.Holds[h].Inode < inode {
			h++
		}
		found := h < len(answer.Holds) && answer.Holds[h].Inode == inode
		switch {
		case found, a.result.Complete && o.tried[inode]:
			settled = append(settled, inode)
			delete(o.tried, inode)
		case a.result.Complete:
			o.tried[inode] = true
		}
	}
	return slices.Clip(settled)
}
