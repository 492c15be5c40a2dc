package sampler

import (
	"context"
	"errors"
	"time"

	"sockview/model"
	"sockview/sampler/containers"
	"sockview/sampler/proc"
)

const (
	// scanBudget bounds one owner scan; what it did not reach is looked for in the next.
	scanBudget = 2 * time.Second
	// rescanEvery is how often every process is looked at again, for sockets that were passed on or
	// inherited. A scan that takes long makes it rarer: it may take one part in rescanShare of the time, unless that
	// were less often than rescanLeast.
	rescanEvery = 10 * time.Second
	rescanShare = 1000
	rescanLeast = 2 * time.Minute
	// deepShare bounds likewise the scans that look into every process for a socket that is not where it is likely to
	// be: on a busy server most such sockets are gone before they are found.
	deepShare = 30
)

// owners runs the owner scan beside the ticks: questions go out and answers come back, one at a time.
type owners struct {
	scanner  *proc.Scanner
	places   *places
	requests chan proc.Request
	answers  chan scanned

	busy     bool
	access   bool            // we have the rights to look into every process
	nextFull time.Time       // zero: at once
	nextDeep time.Time       // zero: at once
	patient  bool            // somebody waits for the answer: every scan looks everywhere
	tried    map[uint32]bool // inodes that one scan did not find; the next one's word is final
	source   model.Source
	naming   model.Source
}

type scanned struct {
	request proc.Request
	result  proc.Result
	took    time.Duration
	naming  error // of the containers
}

func newOwners(s *proc.Scanner, names *containers.Names, access bool) *owners {
	return &owners{
		scanner:  s,
		places:   &places{names: names},
		access:   access,
		requests: make(chan proc.Request, 1),
		answers:  make(chan scanned, 1),
		tried:    make(map[uint32]bool),
		source:   model.Source{Name: "owners"},
		naming:   model.Source{Name: "container names", Whole: true},
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
			took := time.Since(start)
			naming := o.places.name(result.Processes, q.Full)
			select {
			case o.answers <- scanned{q, result, took, naming}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// ask starts a scan when there is something to look for and none runs. The first is a full one.
func (o *owners) ask(ctx context.Context, t *model.Tracker) {
	if o.busy || ctx.Err() != nil {
		return
	}
	o.source.Took = 0 // the last sample told of it
	q := proc.Request{
		Inodes: t.Unowned(nil), Closed: t.Vacated(nil), Likely: t.Accepting(nil),
		Full: time.Now().After(o.nextFull), Budget: scanBudget,
		Shallow: !o.patient && time.Now().Before(o.nextDeep),
	}
	for _, id := range t.Doubtful(nil) {
		q.Check = append(q.Check, proc.ID(id))
	}
	if len(q.Inodes) == 0 && len(q.Check) == 0 && len(q.Closed) == 0 && !q.Full {
		return
	}
	o.busy = true
	o.requests <- q
}

// take gives a scan's answer to the tracker. An inode that was not found is looked for once more before that
// is its answer: between the dump and the scan a socket may be on its way from one process to another. It says
// whether anything was learned, and whether to look again at once; what a scan could not reach waits for the next
// tick.
func (o *owners) take(a scanned, t *model.Tracker) (learned, again bool) {
	o.busy = false
	o.source.Err, o.source.Took = a.result.Err, a.took
	o.naming.Err = a.naming
	if a.result.Err == nil && !a.result.Complete && !a.request.Shallow {
		o.source.Err = errors.New("some processes could not be looked into in time")
	}
	answer := model.Owners{Processes: a.result.Processes, Why: model.NoProcess}
	if a.result.Denied > 0 || !o.access {
		answer.Why = model.NoPermission
	}
	answer.Holds = make([]model.Hold, 0, len(a.result.Holds))
	for _, h := range a.result.Holds {
		answer.Holds = append(answer.Holds, model.Hold{Inode: h.Inode, ProcessID: model.ProcessID(h.ID)})
	}
	for _, id := range a.result.Gone {
		answer.Gone = append(answer.Gone, model.ProcessID(id))
	}
	if !a.request.Shallow {
		o.nextDeep = time.Now().Add(deepShare * a.took)
	}
	if a.request.Full {
		o.nextFull = time.Now().Add(min(max(rescanEvery, rescanShare*a.took), rescanLeast))
	}
	asked, again := o.settle(a, &answer)
	switch {
	case a.request.Full && a.result.Complete:
		answer.Early, answer.Settled = true, asked
	case len(asked)+len(answer.Gone) == 0:
		return false, again
	default:
		answer.Asked = asked
	}
	t.Own(&answer)
	return true, again
}

// settle is the inodes for which the answer counts: those found, and those not found for the second time. It says
// whether there are some that were looked for only once.
func (o *owners) settle(a scanned, answer *model.Owners) (settled []uint32, again bool) {
	settled = make([]uint32, 0, len(a.request.Inodes))
	tried := make(map[uint32]bool)
	h := 0
	for _, inode := range a.request.Inodes {
		for h < len(answer.Holds) && answer.Holds[h].Inode < inode {
			h++
		}
		found := h < len(answer.Holds) && answer.Holds[h].Inode == inode
		switch {
		case found, a.result.Complete && o.tried[inode]:
			settled = append(settled, inode)
		case a.result.Complete:
			tried[inode] = true
			again = true
		case o.tried[inode]:
			tried[inode] = true
		}
	}
	o.tried = tried
	return settled, again
}
