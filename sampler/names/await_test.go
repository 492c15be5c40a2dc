package names

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"sockview/model"
)

func TestKnownAsksNobody(t *testing.T) {
	b := newBench(Config{})
	b.reply = func(netip.Addr) ([]string, error) { return []string{"web-1.example."}, nil }
	a := addr("192.0.2.1")
	if name, ok := b.Known(a); ok || !name.Empty() {
		t.Errorf("known before it was asked for: %q", name)
	}
	b.run()
	if len(b.asked) != 0 {
		t.Errorf("asked for %v", b.asked)
	}
	b.host(a)
	b.run()
	if name, ok := b.Known(a); !ok || name.String() != "web-1.example" {
		t.Errorf("not known after it was answered: %q", name)
	}
}

func TestAwait(t *testing.T) {
	r := New(Config{Lookup: func(_ context.Context, a netip.Addr) ([]string, error) {
		if a.As4()[3]%2 == 0 {
			return nil, nil // it has no name, which is an answer
		}
		return []string{"host.example."}, nil
	}})
	defer r.Close()
	var addrs []model.Addr
	for i := range byte(200) {
		addrs = append(addrs, model.AddrFrom(netip.AddrFrom4([4]byte{192, 0, 2, i})))
	}
	addrs = append(addrs, model.Addr{}, addr("224.0.0.1"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r.Await(ctx, addrs)
	if ctx.Err() != nil {
		t.Fatal("waited for what was answered long ago, or will never be asked")
	}
	for _, a := range addrs[:200] {
		if name, ok := r.Known(a); ok != (a[15]%2 == 1) {
			t.Errorf("%v is %q", a.Netip(), name)
		}
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	r := New(Config{Lookup: func(ctx context.Context, _ netip.Addr) ([]string, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.Await(ctx, []model.Addr{addr("192.0.2.1")})
}
