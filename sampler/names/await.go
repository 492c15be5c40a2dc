package names

// Names without asking, and asking with patience: for who goes through every row, and for who prints once.

import (
	"context"
	"time"

	"sockview/model"
)

// Known is the name of a if it is in the cache. Unlike Host it asks nobody: a filter goes through all rows, and
// asking for each of them would push the names on the screen out of the cache.
func (r *Resolver) Known(a model.Addr) (model.Text, bool) {
	if name := r.hosts.name(r.config.Hosts, a, r.config.Now()); !name.Empty() {
		return name, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.cache.index[a]
	if !ok || r.cache.answers[i].name.Empty() {
		return model.Text{}, false
	}
	return r.cache.answers[i].name, true
}

// awaitStep is how often Await looks whether the answers are there.
const awaitStep = 10 * time.Millisecond

// Await asks for the names of the addresses and returns when each was answered, when ctx is done, or when nobody
// answers at all. It asks for no more than the cache holds.
func (r *Resolver) Await(ctx context.Context, addrs []model.Addr) {
	tick := time.NewTicker(awaitStep)
	defer tick.Stop()
	for {
		waiting := 0
		for _, a := range addrs[:min(len(addrs), r.config.Cache)] {
			if !r.answered(a) && waiting < r.config.Queue {
				waiting++
				r.Host(a)
			}
		}
		if waiting == 0 || r.silent() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// silent says whether nobody answers at all.
func (r *Resolver) silent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.silence.err() != nil
}

// answered says whether there is nothing to wait for.
func (r *Resolver) answered(a model.Addr) bool {
	if !isHost(a) || !r.hosts.name(r.config.Hosts, a, r.config.Now()).Empty() {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.cache.index[a]
	return ok
}
