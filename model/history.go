package model

import "math"

// historyLength is how many samples' rates are kept for each socket.
const historyLength = 32

// history is the rates of a socket's last samples, for the plot of the details screen. A rate takes one byte:
// eighths of its binary logarithm, which is exact to 9 % from 1 byte/s to 4 GB/s.
type history struct {
	sent, received [historyLength]uint8
	next           uint8
}

// samples is how many of a socket's samples had rates, and where they are.
type samples struct {
	at    int32 // of the history, from 1; 0: they were all zero
	count uint8 // up to historyLength
}

// histories are those of sockets that move something. On a busy server most connections are idle, and theirs would be
// 65 bytes of zeros each.
type histories struct {
	all  []history
	free []int32
}

// add takes a sample. The ones before the first that is not zero are zeros.
func (h *histories) add(s *samples, sent, received float32) {
	s.count = min(s.count+1, historyLength)
	a, b := packRate(sent), packRate(received)
	if s.at == 0 {
		if a == 0 && b == 0 {
			return
		}
		s.at = h.slot()
	}
	one := &h.all[s.at-1]
	one.sent[one.next], one.received[one.next] = a, b
	one.next = (one.next + 1) % historyLength
}

// slot is an empty history's place, from 1.
func (h *histories) slot() int32 {
	if n := len(h.free); n > 0 {
		at := h.free[n-1]
		h.free = h.free[:n-1]
		return at
	}
	h.all = append(h.all, history{})
	return int32(len(h.all))
}

// forget gives the memory of a socket's samples back.
func (h *histories) forget(s *samples) {
	if s.at > 0 {
		h.all[s.at-1] = history{}
		h.free = append(h.free, s.at)
	}
	*s = samples{}
}

// rates are the samples, oldest first, in bytes/s.
func (h *histories) rates(s samples) (sent, received []float32) {
	var one history
	if s.at > 0 {
		one = h.all[s.at-1]
	}
	for i := range int(s.count) {
		at := (int(one.next) - int(s.count) + i + historyLength) % historyLength
		sent = append(sent, unpackRate(one.sent[at]))
		received = append(received, unpackRate(one.received[at]))
	}
	return sent, received
}

func packRate(r float32) uint8 {
	if r < 1 {
		return 0
	}
	return uint8(min(255, 1+math.Round(8*math.Log2(float64(r)))))
}

func unpackRate(b uint8) float32 {
	if b == 0 {
		return 0
	}
	return float32(math.Exp2(float64(b-1) / 8))
}

// History are the rates of a socket's last samples, oldest first, in bytes/s; nothing for a socket that is not
// known. The rates are rounded to 9 %.
func (t *Tracker) History(s *Socket) (sent, received []float32) {
	if i, ok := t.index.get(s); ok {
		return t.rates.rates(t.seen[i].past)
	}
	return nil, nil
}
