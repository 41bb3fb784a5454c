// Package esdbtest makes outages between the adapter and its server, for tests.
package esdbtest

import (
	"errors"
	"net"
	"sync"
	"testing"
)

// Proxy stands between a client and a server and makes outages.
type Proxy struct {
	t      testing.TB
	target string

	// address is where it listens; set by the first Accept.
	address string

	mu       sync.Mutex
	listener net.Listener
	refusing bool
	// conns tells of each connection whether it is stranded.
	conns map[net.Conn]bool
	// flowing is closed while bytes pass.
	flowing chan struct{}
	// ending is closed when the test ends.
	ending  chan struct{}
	running sync.WaitGroup
}

// NewProxy passes on what reaches it to the target, a host:port, until the test
// ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{
		t: t, target: target, address: "127.0.0.1:0",
		conns: map[net.Conn]bool{}, flowing: make(chan struct{}), ending: make(chan struct{}),
	}
	close(p.flowing)
	p.Accept()
	t.Cleanup(func() {
		close(p.ending)
		p.Refuse()
		p.running.Wait()
	})
	return p
}

// Address is the host:port that clients are to connect to.
func (p *Proxy) Address() string { return p.address }

// Accept takes connections again, at the same address, after Refuse.
func (p *Proxy) Accept() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address, p.listener, p.refusing = listener.Addr().String(), listener, false
	p.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.join(conn) })
		}
	})
}

// Refuse takes no more connections and cuts those that there are.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	p.refusing = true
	p.listener.Close()
	p.mu.Unlock()
	p.Cut()
}

// Cut closes all connections; new ones are taken.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
}

// Reset is Cut without a farewell: both sides are told that the connection is
// no more.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil && !errors.Is(err, net.ErrClosed) {
			p.t.Error(err)
		}
		conn.Close()
	}
}

// Stall keeps connections open and lets nothing through.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flowing = make(chan struct{})
}

// Resume lets everything through again after Stall.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flowing:
	default:
		close(p.flowing)
	}
}

// Strand has the connections that there are open for ever with nothing coming
// through, as when a firewall forgets them; new ones work.
func (p *Proxy) Strand() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		p.conns[conn] = true
	}
}

// pass waits while the proxy is stalled, or the connection stranded.
func (p *Proxy) pass(conn net.Conn) {
	p.mu.Lock()
	flowing := p.flowing
	if p.conns[conn] {
		flowing = p.ending
	}
	p.mu.Unlock()
	select {
	case <-flowing:
	case <-p.ending:
	}
}

func (p *Proxy) join(near net.Conn) {
	p.keep(near)
	defer p.forget(near)
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		near.Close()
		return
	}
	p.keep(far)
	defer p.forget(far)
	p.running.Go(func() { p.copy(far, near) })
	p.copy(near, far)
}

// keep has a connection broken with the others, at once if it came too late.
func (p *Proxy) keep(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = false
	if p.refusing {
		conn.Close()
	}
}

func (p *Proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

func (p *Proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		p.pass(from)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
