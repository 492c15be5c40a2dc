package names

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// How long nobody is asked when nobody answers. Single zones that do not answer are common; so many failures
// in a row, without one answer between them, are not.
const (
	failuresSuspected = 16
	firstRest         = time.Second
	longestRest       = 30 * time.Second
)

// silence counts failures in a row. From failuresSuspected on nothing is asked for a while, then by one look-up
// at a time until there is an answer; each further failure doubles the while.
type silence struct {
	failures int
	rest     time.Duration
	until    time.Time
	last     error
}

// over says whether questions make sense at now.
func (s *silence) over(now time.Time) bool { return !now.Before(s.until) }

func (s *silence) suspected() bool { return s.failures >= failuresSuspected }

// more counts a failure. Look-ups that were under way when the rest began do not lengthen it.
func (s *silence) more(now time.Time, err error) {
	s.failures++
	s.last = err
	if s.suspected() && s.over(now) {
		s.rest = min(max(2*s.rest, firstRest), longestRest)
		s.until = now.Add(s.rest)
	}
}

// broken is called for every answer.
func (s *silence) broken() { *s = silence{} }

func (s *silence) err() error {
	if !s.suspected() {
		return nil
	}
	if s.last == nil {
		return errors.New("reverse DNS does not answer; it is asked less often")
	}
	return fmt.Errorf("reverse DNS does not answer; it is asked less often: %w", s.last)
}

// isFailure says whether a look-up without a name tells nothing of the address: nobody answered in time, or
// the server could not find out. "No such name", or an answer of nonsense, is an answer.
func isFailure(err error, late bool) bool {
	if late {
		return true
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.IsTimeout || dns.IsTemporary
	}
	return err != nil
}
