package model

// The part of the tracker that compares counters: what of them is kept, and the rates that they make.

import (
	"math"
	"time"
)

// keepCounters keeps the last counters of a socket that the kernel gives none for any more: a TIME_WAIT is
// still the connection that moved them.
func (t *Tracker) keepCounters(r, was *Socket) {
	if r.Has&HasBytes == 0 && was.Has&HasBytes != 0 {
		r.Sent, r.Received = was.Sent, was.Received
		r.Has |= HasBytes
	}
	if r.Has&HasPackets == 0 && was.Has&HasPackets != 0 {
		r.SentPackets, r.ReceivedPackets = was.SentPackets, was.ReceivedPackets
		r.Has |= HasPackets
	}
}

// smoothing is the time constant of rates: after this long a step in the traffic shows to 63 %.
const smoothing = float64(time.Second)

// quietSamples in a row without a byte, and as many times smoothing, make a rate zero, however large it was.
const quietSamples = 3

// measure turns the counters of two samples, dt ns apart, into rates. A counter that went back, or a clock
// that did not move, gives no rate.
func (t *Tracker) measure(r, was *Socket, dt int64) {
	const both = HasBytes
	if r.Has&both == 0 || was.Has&both == 0 || dt <= 0 || r.State == TimeWait {
		r.QuietSent, r.QuietReceived = 0, 0
		return
	}
	if r.Sent < was.Sent || r.Received < was.Received {
		return
	}
	first := was.Has&HasRates == 0
	r.SentRate = smooth(was.SentRate, r.Sent-was.Sent, dt, first, &r.QuietSent)
	r.ReceivedRate = smooth(was.ReceivedRate, r.Received-was.Received, dt, first, &r.QuietReceived)
	r.Has |= HasRates
}

func smooth(old float32, bytes uint64, dt int64, first bool, quiet *uint8) float32 {
	if bytes != 0 {
		*quiet = 0
	} else if *quiet < math.MaxUint8 {
		*quiet++
	}
	seconds := float64(dt) / float64(time.Second)
	rate := float64(bytes) / seconds
	if first {
		return float32(rate)
	}
	if *quiet >= quietSamples && float64(*quiet)*float64(dt) >= quietSamples*smoothing {
		return 0
	}
	left := math.Exp(-float64(dt) / smoothing) // of the old one; not by their difference, which would swallow a small rate
	return float32(left*float64(old) + (1-left)*rate)
}
