package sampler

import (
	"errors"
	"io/fs"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
)

// Host is where the tables that are not sockets come from: a *host.Host.
type Host interface {
	Links() ([]model.Link, error)
	Routes() ([]model.Route, error)
	Groups() ([]model.Membership, error)
	Statistics() ([]model.Statistic, error)
	Flows() ([]model.Flow, error)
}

// table is a small table that is read whole while somebody looks at it.
type table interface {
	which() model.Tables
	look(now, hold int64) model.Source
	forget()
	publish(*model.Snapshot)
}

// rolled is a table with rows of type R.
type rolled[R any] struct {
	name    string
	of      model.Tables
	read    func() ([]R, error)
	roll    *model.Roll[R]
	rows    func(*model.Snapshot) *[]R
	wholeAt int64
	looked  bool
}

func (t *rolled[R]) which() model.Tables { return t.of }

// look reads the table. Rows that came with an error are true; those that did not come are stale then.
func (t *rolled[R]) look(now, hold int64) model.Source {
	rows, err := t.read()
	if err == nil {
		t.wholeAt = now
	}
	if rows != nil || err == nil {
		t.roll.Fold(rows, err == nil, now, hold)
	} else {
		t.roll.Fold(nil, false, now, hold)
	}
	t.looked = true
	return model.Source{Name: t.name, Of: t.of, Err: err, Age: now - t.wholeAt, Absent: unsupported(err)}
}

// forget drops what was seen: what comes after a while that nobody looked is not news.
func (t *rolled[R]) forget() {
	if t.looked {
		t.roll.Forget()
		t.looked = false
	}
}

func (t *rolled[R]) publish(s *model.Snapshot) {
	rows := t.rows(s)
	*rows = append((*rows)[:0], t.roll.Rows()...)
}

// tablesOf are the tables of a host; none without one.
func tablesOf(h Host) []table {
	if h == nil {
		return nil
	}
	return []table{
		&rolled[model.Link]{name: "interfaces", of: model.TableLinks, read: h.Links, roll: model.NewLinks(),
			rows: func(s *model.Snapshot) *[]model.Link { return &s.Links }},
		&rolled[model.Route]{name: "routes", of: model.TableRoutes, read: h.Routes, roll: model.NewRoutes(),
			rows: func(s *model.Snapshot) *[]model.Route { return &s.Routes }},
		&rolled[model.Membership]{name: "multicast groups", of: model.TableGroups, read: h.Groups, roll: model.NewMemberships(),
			rows: func(s *model.Snapshot) *[]model.Membership { return &s.Groups }},
		&rolled[model.Statistic]{name: "statistics", of: model.TableStatistics, read: h.Statistics, roll: model.NewStatistics(),
			rows: func(s *model.Snapshot) *[]model.Statistic { return &s.Statistics }},
		&rolled[model.Flow]{name: "connection tracking", of: model.TableFlows, read: h.Flows, roll: model.NewFlows(),
			rows: func(s *model.Snapshot) *[]model.Flow { return &s.Flows }},
	}
}

// unsupported says whether the kernel has nothing of what was asked for, or keeps it from us for good.
func unsupported(err error) bool {
	return errors.Is(err, diag.ErrUnsupported) || errors.Is(err, host.ErrUnsupported) || errors.Is(err, fs.ErrPermission)
}
