package main

// Building and running the tests, with one guard and without it.

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mutation is a guard, and the test that notices when it is gone.
type mutation struct {
	fault   int
	file    string // from the module's root
	guard   string // what stands in the file, exactly once
	without string // what stands there when the guard is gone
	pkg     string // the package of the test: its folder, "." for the top
	name    string // of the test, behind TestFaultNN
}

// test is the whole name of the test.
func (m mutation) test() string { return fmt.Sprintf("TestFault%02d%s", m.fault, m.name) }

// mutate is source without the guard.
func (m mutation) mutate(source string) (string, error) {
	if n := strings.Count(source, m.guard); n != 1 {
		return "", fmt.Errorf("the guard is %d times in %s, not once", n, m.file)
	}
	return strings.Replace(source, m.guard, m.without, 1), nil
}

// outcome is what became of a mutation.
type outcome int

const (
	killed   outcome = iota // the test failed: it notices
	survived                // it passed: nobody notices
	stale                   // the guard is not in the source any more, or not once
	broken                  // it does not build, or its test did not run
	unfit                   // its test fails, or is skipped, with the guard in place, too
	outcomes
)

func (o outcome) String() string {
	return [...]string{"killed", "survived", "stale", "broken", "unfit"}[o]
}

// verdict is an outcome and its reasons.
type verdict struct {
	outcome outcome
	why     string // in a few words
	said    string // by the test
}

// bench builds and runs tests. It works in a folder for temporary files.
type bench struct {
	ctx   context.Context
	root  string // the module's
	dir   string
	sound map[string]string  // the tests' binaries by package, as the source stands
	fit   map[string]verdict // what came of tests with every guard in place
}

func newBench(ctx context.Context, root string) (*bench, error) {
	dir, err := os.MkdirTemp("", "sockview-mutations-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // some tests become another user
	}
	if err != nil {
		return nil, fmt.Errorf("no place for what is built: %w", err)
	}
	return &bench{ctx: ctx, root: root, dir: dir, sound: make(map[string]string), fit: make(map[string]verdict)}, nil
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// A test that hangs without its guard is noticed too.
const (
	testTimeout  = 100 * time.Second
	buildTimeout = 10 * time.Minute
)

// try runs the test of m with the guard, where it has to pass, and without, where it has to fail.
func (b *bench) try(m mutation) verdict {
	source, err := os.ReadFile(filepath.Join(b.root, m.file))
	if err != nil {
		return verdict{outcome: stale, why: err.Error()}
	}
	mutated, err := m.mutate(string(source))
	if err != nil {
		return verdict{outcome: stale, why: err.Error()}
	}
	if v := b.whole(m); v.outcome != killed {
		return v
	}
	overlay, err := b.overlay(m.file, mutated)
	if err != nil {
		return verdict{outcome: broken, why: err.Error()}
	}
	binary := filepath.Join(b.dir, "mutated.test")
	if out, err := b.build(m.pkg, binary, overlay); err != nil {
		return verdict{broken, "it does not build: " + err.Error(), out}
	}
	defer os.Remove(binary)
	out, err := b.run(m, binary, overlay)
	if err == nil {
		return verdict{survived, "", out}
	}
	return judge(m.test(), out, err)
}

// whole says whether the test of m passes with every guard in place: killed, for want of a word, when it does.
func (b *bench) whole(m mutation) (v verdict) {
	key := m.pkg + " " + m.test()
	if v, known := b.fit[key]; known {
		return v
	}
	defer func() { b.fit[key] = v }()
	binary, built := b.sound[m.pkg]
	if !built {
		binary = filepath.Join(b.dir, "sound-"+strings.NewReplacer("/", "-", ".", "top").Replace(m.pkg)+".test")
		if out, err := b.build(m.pkg, binary, ""); err != nil {
			return verdict{unfit, "it does not build as it is: " + err.Error(), out}
		}
		b.sound[m.pkg] = binary
	}
	out, err := b.run(m, binary, "")
	switch {
	case err != nil:
		return verdict{unfit, "it fails with the guard, too: " + err.Error(), out}
	case !passed(m.test(), out):
		return verdict{unfit, "it was skipped, or is not there", out}
	}
	return verdict{outcome: killed}
}

// overlay writes the changed file, and what has go take it for the real one.
func (b *bench) overlay(file, text string) (string, error) {
	changed := filepath.Join(b.dir, "changed.go")
	if err := os.WriteFile(changed, []byte(text), 0o644); err != nil {
		return "", err
	}
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(b.root, file): changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(b.dir, "overlay.json")
	return overlay, os.WriteFile(overlay, content, 0o644)
}

// build makes the tests' binary of a package.
func (b *bench) build(pkg, binary, overlay string) (string, error) {
	ctx, cancel := context.WithTimeout(b.ctx, buildTimeout)
	defer cancel()
	// Without go vet's checks, which go test -c leaves out: code without a guard is not expected to please.
	c := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./"+pkg)
	c.Dir, c.Env = b.root, environment(os.Environ(), overlay)
	out, err := c.CombinedOutput()
	return string(out), err
}

// run runs the test of m, as go test would: in its package's folder.
func (b *bench) run(m mutation, binary, overlay string) (string, error) {
	ctx, cancel := context.WithTimeout(b.ctx, testTimeout+10*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, binary, "-test.v", "-test.run=^"+m.test()+"$", "-test.timeout="+testTimeout.String())
	c.Dir, c.Env = filepath.Join(b.root, m.pkg), environment(os.Environ(), overlay)
	c.WaitDelay = time.Second // its children may hold its output
	out, err := c.CombinedOutput()
	return string(out), err
}

// judge says what it means that a test ended with err.
func judge(test, out string, err error) verdict {
	switch {
	case regexp.MustCompile(`(?m)^--- FAIL: ` + test + `\b`).MatchString(out):
		return verdict{killed, "", out}
	case strings.Contains(out, "panic: test timed out"):
		return verdict{killed, "it hangs", out}
	case strings.Contains(out, "panic: "), strings.Contains(out, "fatal error: "):
		return verdict{killed, "it panics", out}
	}
	return verdict{broken, "its test did not come to run: " + err.Error(), out}
}

// passed says whether a test ran and passed, at least a part of it.
func passed(test, out string) bool {
	return regexp.MustCompile(`(?m)^--- PASS: ` + test + `\b`).MatchString(out)
}

// environment is env for go and the tests: static binaries as CI has them, the overlay for every go that is run,
// that of the end-to-end tests too, and no binary given to those.
func environment(env []string, overlay string) []string {
	flags := os.Getenv("GOFLAGS")
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		return strings.HasPrefix(v, "GOFLAGS=") || strings.HasPrefix(v, "CGO_ENABLED=") ||
			strings.HasPrefix(v, "SOCKVIEW_TEST_BINARY=")
	})
	if overlay != "" {
		flags = strings.TrimSpace(flags + " '-overlay=" + overlay + "'")
	}
	return append(env, "CGO_ENABLED=0", "GOFLAGS="+flags)
}
