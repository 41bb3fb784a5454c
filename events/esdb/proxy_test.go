package esdb

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between a client and a server and makes outages.
type proxy struct {
	t       testing.TB
	target  string
	address string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	// flowing is closed while bytes pass.
	flowing chan struct{}
	running sync.WaitGroup
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	p := &proxy{t: t, target: target, address: "127.0.0.1:0", conns: map[net.Conn]struct{}{}, flowing: make(chan struct{})}
	close(p.flowing)
	p.accept()
	t.Cleanup(func() {
		p.resume()
		p.refuse()
		p.running.Wait()
	})
	return p
}

// accept takes connections, again after refuse at the same address.
func (p *proxy) accept() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address, p.listener = listener.Addr().String(), listener
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

// refuse takes no more connections and cuts those that there are.
func (p *proxy) refuse() {
	p.mu.Lock()
	p.listener.Close()
	p.mu.Unlock()
	p.cut()
}

// cut breaks all connections; new ones are taken.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
}

// stall keeps connections open and lets nothing through.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flowing = make(chan struct{})
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flowing:
	default:
		close(p.flowing)
	}
}

// pass waits while the proxy is stalled.
func (p *proxy) pass() {
	p.mu.Lock()
	flowing := p.flowing
	p.mu.Unlock()
	<-flowing
}

func (p *proxy) join(near net.Conn) {
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		near.Close()
		return
	}
	p.keep(near, far)
	p.running.Go(func() { p.copy(far, near) })
	p.copy(near, far)
	p.forget(near, far)
}

func (p *proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = struct{}{}
	}
}

func (p *proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		delete(p.conns, conn)
	}
}

func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		p.pass()
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
