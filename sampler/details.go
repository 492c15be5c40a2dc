package sampler

// What /proc tells of the processes behind the row in focus: read beside the ticks, since a read may block.

import (
	"context"
	"errors"
	"io/fs"

	"sockview/model"
	"sockview/sampler/proc"
)

// detailHolders bounds how many holders of one socket are told about in full.
const detailHolders = 32

// details reads about a few processes at a time; questions go out and answers come back, the newest answer is kept.
type details struct {
	fs       proc.FS
	requests chan []model.Process
	answers  chan []model.ProcessDetail

	busy  bool
	fresh bool // an answer just came: it is published without asking again
	known map[model.ProcessID]model.ProcessDetail
}

func newDetails(fs proc.FS) *details {
	return &details{fs: fs, requests: make(chan []model.Process, 1), answers: make(chan []model.ProcessDetail, 1)}
}

func (d *details) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case processes := <-d.requests:
			answer := make([]model.ProcessDetail, 0, len(processes))
			for i := range processes {
				answer = append(answer, d.read(&processes[i]))
			}
			select {
			case d.answers <- answer:
			case <-ctx.Done():
				return
			}
		}
	}
}

// read reads all about a process. What cannot be read is left as it is known, with the reason; a pid that another
// process has now tells nothing.
func (d *details) read(p *model.Process) model.ProcessDetail {
	read, err := d.fs.Detail(p.PID)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && read.Start != p.Start:
		return model.ProcessDetail{Process: *p, Why: model.Exited}
	case err != nil:
		return model.ProcessDetail{Process: *p, Why: model.NotGiven}
	}
	if read.Cmdline.Empty() {
		read.Cmdline = p.Cmdline
	}
	if read.ContainerID == p.ContainerID && !p.Container.Empty() {
		read.Container = p.Container // by name
	}
	return read
}

// of is what is known of the holders, with the totals of now; it has them read anew.
func (d *details) of(holders []*model.Process) []model.ProcessDetail {
	holders = holders[:min(len(holders), detailHolders)]
	var out []model.ProcessDetail
	var ask []model.Process
	for _, p := range holders {
		ask = append(ask, *p)
		detail, ok := d.known[model.ProcessID{PID: p.PID, Start: p.Start}]
		if !ok {
			detail = model.ProcessDetail{Process: *p, Why: model.NotYet}
		}
		cmdline, exe := detail.Cmdline, detail.Exe
		detail.Process = *p
		detail.Cmdline, detail.Exe = cmdline, exe
		out = append(out, detail)
	}
	if !d.busy && len(ask) > 0 && !d.fresh {
		d.busy = true
		d.requests <- ask
	}
	d.fresh = false
	return out
}

func (d *details) take(answer []model.ProcessDetail) {
	d.busy, d.fresh = false, true
	d.known = make(map[model.ProcessID]model.ProcessDetail, len(answer))
	for _, detail := range answer {
		d.known[model.ProcessID{PID: detail.PID, Start: detail.Start}] = detail
	}
}
