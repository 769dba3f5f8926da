package figure

import "image/color"

// colour is the family's colour of Okabe and Ito (2008), in an order that also
// differs in lightness; yellow is left out as too pale on white.
func colour(family int) color.NRGBA {
	c := [...]color.NRGBA{
		{0x00, 0x72, 0xb2, 255}, {0xd5, 0x5e, 0x00, 255}, {0x00, 0x9e, 0x73, 255}, {0xcc, 0x79, 0xa7, 255},
		{0xe6, 0x9f, 0x00, 255}, {0x56, 0xb4, 0xe9, 255}, {0x33, 0x33, 0x33, 255},
	}
	return c[((family%len(c))+len(c))%len(c)]
}

// dash tells families apart without colour.
func dash(family int) []float64 {
	d := [...][]float64{nil, {4, 1.5}, {1.5, 1.5}, {5, 1.5, 1, 1.5}, {7, 2}, {3, 3}, {2, 1, 1, 1}}
	// Where the colours come round again, the patterns have moved on by one.
	family += family / 7
	return d[((family%len(d))+len(d))%len(d)]
}

// entry is one legend key.
type entry struct {
	name string
	draw func(XY)
}

// legend draws one strip for the page above the panels, wrapped to its width.
func (p *page) legend(panels []Panel) {
	x := margin
	y := p.y + textSize
	for _, e := range p.entries(panels) {
		for i, line := range p.face.wrap(e.name, textSize, p.Width-2*margin-24) {
			_, w := p.face.set(line, textSize)
			if i > 0 || x > margin && x+22+w > p.Width-margin {
				x, y = margin, y+textSize*1.4
			}
			if i == 0 {
				e.draw(XY{x + 8, y - textSize*.36})
			}
			p.write(p.face, line, XY{x + 19, y}, textSize, start, black, false)
			x += 22 + w + 8
		}
	}
	p.y = y + 6
}

func (p *page) entries(panels []Panel) []entry {
	type key struct {
		name   string
		family int
		marker Marker
	}
	var out []entry
	seen := map[key]bool{}
	var filled, hollow, onset, change, fit bool
	spans := map[string]bool{}
	add := func(q Panel) {
		for _, s := range q.Series {
			for _, v := range s.Points {
				if s.Plot != Curve {
					break
				}
				filled, hollow = filled || v.Filled, hollow || !v.Filled
			}
			onset = onset || s.Onset != nil && finite(s.Onset.Above)
			change = change || s.ChangePoint.set()
			fit = fit || len(s.Fit) > 1
			k := key{s.Name, s.Family, s.Marker}
			if seen[k] || s.Name == "" || p.direct {
				continue
			}
			seen[k] = true
			out = append(out, entry{s.Name, func(c XY) {
				if s.Plot != Events {
					p.line("key-line", colour(s.Family), .8, dash(s.Family), XY{c.X - 8, c.Y}, XY{c.X + 8, c.Y})
				}
				if s.Plot != Steps {
					p.mark("key", s, c, s.Plot == Curve || len(s.Points) == 0 || s.Points[0].Filled)
				}
			}})
		}
	}
	for _, q := range panels {
		add(q)
		for _, s := range q.Spans {
			if s.Name != "" && !spans[s.Name] {
				spans[s.Name] = true
				out = append(out, spanEntry(p, s))
			}
		}
		if q.Lower != nil {
			add(*q.Lower)
		}
	}
	plain := func(fill bool) func(XY) {
		return func(c XY) {
			o := op{class: "key", path: Circle.shape(c, 2.3), fill: white, stroke: grey, width: .9}
			if fill {
				o.fill = grey
			}
			p.ops = append(p.ops, o)
		}
	}
	if filled {
		out = append(out, entry{"above chance", plain(true)})
	}
	if hollow {
		out = append(out, entry{"not above chance", plain(false)})
	}
	return append(out, p.spanEntries(onset, change, fit)...)
}

func (p *page) spanEntries(onset, change, fit bool) []entry {
	var out []entry
	if onset {
		out = append(out, entry{"onset bracket", func(c XY) {
			p.rect("key", color.NRGBA{0xd8, 0xd8, 0xd8, 255}, box{c.X - 7, c.Y - 3.5, c.X + 7, c.Y + 3.5})
			p.line("key-line", grey, 1, []float64{1, 1.6}, XY{c.X + 7, c.Y - 3.5}, XY{c.X + 7, c.Y + 3.5})
		}})
	}
	if change {
		out = append(out, entry{"change-point interval", func(c XY) {
			p.line("key-line", grey, 1.2, nil, XY{c.X - 7, c.Y}, XY{c.X + 7, c.Y})
			p.line("key-line", grey, 1.2, nil, XY{c.X - 7, c.Y - 1.6}, XY{c.X - 7, c.Y + 1.6})
			p.line("key-line", grey, 1.2, nil, XY{c.X + 7, c.Y - 1.6}, XY{c.X + 7, c.Y + 1.6})
		}})
	}
	if fit {
		pale := grey
		pale.A = 90
		out = append(out, entry{"fitted curve", func(c XY) {
			p.line("key-line", pale, 2.2, nil, XY{c.X - 8, c.Y}, XY{c.X + 8, c.Y})
		}})
	}
	return out
}

// spanEntry is the legend key of spans of one name.
func spanEntry(p *page, s Span) entry {
	return entry{s.Name, func(c XY) {
		p.line("key-line", grey, 1.2, []float64{2, 1}, XY{c.X - 7, c.Y}, XY{c.X + 7, c.Y})
		p.ops = append(p.ops, op{class: "key", path: Diamond.shape(c, 1.8), fill: grey})
	}}
}
