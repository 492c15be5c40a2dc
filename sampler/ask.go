package sampler

// Asking for the sockets of each network namespace.

import (
	"errors"
	"fmt"

	"sockview/model"
)

// pollPlaces asks for the sockets of these namespaces; those of the others stay as they are.
func (s *Sampler) pollPlaces(asked []*place, now int64, wanted model.Tables) []model.Outcome {
	outcomes := make([]model.Outcome, 0, len(requests)*len(asked))
	turn := make(map[*place]bool, len(asked))
	for _, p := range asked {
		turn[p], p.told, p.trouble = true, nil, nil
		if wanted&model.TableSockets != 0 {
			outcomes = s.askSockets(p, now, wanted&model.TableSCTP != 0, outcomes)
			if p == s.spaces.home() {
				s.pace.dumped(p.rhythm.Cost) // what the others take has bounds of its own
			} else {
				s.spaces.credit -= p.rhythm.Cost
			}
		}
	}
	for _, p := range s.spaces.all {
		if p != nil && !turn[p] {
			s.tracker.Rest(p.slot)
		}
	}
	if wanted&model.TableUnix != 0 {
		s.askUnix(asked, now)
	} else {
		s.tracker.ForgetUnix()
	}
	return outcomes
}

// askSockets dumps every protocol that has sockets in a namespace.
func (s *Sampler) askSockets(p *place, now int64, sctp bool, outcomes []model.Outcome) []model.Outcome {
	p.sockets.begin(sctp)
	if p == s.spaces.home() {
		s.tracker.Expect(min(p.sockets.used.All, maxExpected))
	}
	p.kernel.Bare(s.want.Bare)
	waited, stirred, rows := p.kernel.Waited()+p.sockets.read, s.tracker.Stirred(), 0
	see := func(r *model.Socket) {
		r.NetNS = p.slot
		rows++
		s.see(r)
	}
	for _, q := range requests {
		outcomes = s.dump(p, q, now, see, outcomes)
	}
	changed := s.tracker.Stirred() != stirred || rows != p.rows
	p.rows = rows
	p.rhythm = p.rhythm.Asked(now, p.kernel.Waited()+p.sockets.read-waited, changed)
	return outcomes
}

// dump makes one dump and appends what came of it.
func (s *Sampler) dump(p *place, q request, now int64, see func(*model.Socket), outcomes []model.Outcome) []model.Outcome {
	var source model.Source
	whole := false
	if !p.sockets.split(q) {
		at, _ := s.cfg.Clock()
		s.tracker.At(at)
		source, whole = p.sockets.dump(q, now, see)
	}
	if p.sockets.split(q) {
		for _, one := range apart {
			outcomes = s.dump(p, one, now, see, outcomes)
		}
		return outcomes
	}
	s.tell(p, source)
	for _, family := range q.families() {
		outcomes = append(outcomes, model.Outcome{SourceID: model.SourceID{NetNS: p.slot, Proto: q.proto, Family: family}, Whole: whole})
	}
	return outcomes
}

// tell takes note of how a dump went, until the namespace is asked again. Of others than our own only trouble is told, and what
// the kernel does not have was told of ours.
func (s *Sampler) tell(p *place, source model.Source) {
	switch {
	case source.Name == "":
	case p == s.spaces.home():
		p.told = append(p.told, source)
	case source.Absent || source.Err == nil && source.Bad == 0:
	case errors.Is(source.Err, errMoved): // the next look for namespaces tells whether it is gone; until then its rows are stale
		p.trouble = source.Err
	default:
		if p.trouble == nil {
			p.trouble = source.Err
		}
		source.Name = fmt.Sprintf("%s of %s", source.Name, p.name)
		p.told = append(p.told, source)
	}
}

// askUnix reads the unix sockets of these namespaces.
func (s *Sampler) askUnix(asked []*place, now int64) {
	parts := make([]model.Part[model.UnixSocket], 0, len(asked))
	for _, p := range asked {
		source, whole := p.unix.look(now)
		s.tell(p, source)
		parts = append(parts, model.Part[model.UnixSocket]{Rows: p.unix.rows, NetNS: p.slot, Whole: whole, At: now})
	}
	s.tracker.SeeUnix(parts, s.hold())
}

// isOwn says whether a socket is of our own name look-ups, which are made in our own namespace.
func (s *Sampler) isOwn(r *model.Socket) bool {
	return r.NetNS == s.spaces.home().slot && s.cfg.Own(r.Cookie)
}

// see takes one record of a dump.
func (s *Sampler) see(r *model.Socket) {
	if s.isOwn(r) {
		return
	}
	s.links.see(r)
	s.tracker.See(r)
}

// foldClosings hands what the kernel told of closings to the tracker.
func (s *Sampler) foldClosings() {
	source := s.ends.fold(func(e *model.Ending) {
		if s.isOwn(&e.Socket) || s.spaces.unwanted(e) {
			return
		}
		s.tracker.Closed(e)
		s.spaces.heard(e.NetNS)
	})
	if source.Err != nil || source.Bad > 0 {
		s.sources = append(s.sources, source)
	}
}
