package model

import "math"

// historyLength is how many samples' rates are kept for each socket. With 100,000 sockets each costs 200 kB.
const historyLength = 32

// history is the rates of a socket's last samples, for the plot of the details screen. A rate takes one byte:
// eighths of its binary logarithm, which is exact to 9 % from 1 byte/s to 4 GB/s.
type history struct {
	sent, received [historyLength]uint8
	next, length   uint8
}

func (h *history) add(sent, received float32) {
	h.sent[h.next], h.received[h.next] = packRate(sent), packRate(received)
	h.next = (h.next + 1) % historyLength
	h.length = min(h.length+1, historyLength)
}

// rates are the samples, oldest first, in bytes/s.
func (h *history) rates() (sent, received []float32) {
	for i := range int(h.length) {
		at := (int(h.next) - int(h.length) + i + historyLength) % historyLength
		sent = append(sent, unpackRate(h.sent[at]))
		received = append(received, unpackRate(h.received[at]))
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
	if i, ok := t.index.get(s); ok && int(i) < len(t.rates) {
		return t.rates[i].rates()
	}
	return nil, nil
}
