// What the shop sells: shelf, name, words, price in euros, and a drawing on a 120 by 96 board.

export const shelves = [
  {
    id: "notebooks",
    title: "Notebooks",
    goods: [
      ["Field notebook", "Dotted, 96 pages, lies flat", 14, '<path class="green" d="M36 14h48a4 4 0 0 1 4 4v60a4 4 0 0 1-4 4H36z"/><path class="deep" d="M32 14h8v68h-8z"/><path class="cream" d="M50 28h28v14H50z"/>'],
      ["Weekly planner", "Undated, 53 weeks, two ribbons", 22, '<path class="blue" d="M30 16h60v64H30z"/><path class="cream" d="M36 24h22v50H36zM62 24h22v50H62z"/><path class="rust" d="M70 80h5v12l-2.500-3-2.500 3z"/>'],
      ["Desk pad", "A3, sixty sheets, faint grid", 18, '<path class="wood" d="M14 28h92v52H14z"/><path class="cream" d="M18 24h84v50H18z"/><path class="drawn" d="M28 36h64M28 46h64M28 56h40"/>'],
      ["Sketchbook", "Heavy, cream, takes ink and wash", 26, '<path class="deep" d="M28 18h64v60H28z"/><path class="cream" d="M34 22h58v52H34z"/><path class="drawn" d="M44 62c8-24 18-30 26-14s10 8 14-4"/>'],
    ],
  },
  {
    id: "writing",
    title: "For writing",
    goods: [
      ["Cedar pencils", "Six, HB to 4B, in a tin", 12, '<path class="rust" d="M30 22h60v60H30z"/><path class="wood" d="M36 12h8v58h-8zM50 8h8v62h-8zM64 14h8v56h-8zM78 10h6v60h-6z"/><path class="cream" d="M34 54h52v20H34z"/>'],
      ["Brass ballpoint", "Refillable, grows darker with use", 38, '<path class="brass" d="m24 70 60-46 8 10-60 46z"/><path class="deep" d="m24 70 8 10-12 4zM78 28l8 10 4-3-8-10z"/>'],
      ["Ink, forest green", "50 ml, washes out of cotton", 16, '<path class="cream" d="M50 12h20v14H50z"/><path class="deep" d="M46 10h28v8H46z"/><path class="blue" d="M38 34a8 8 0 0 1 8-8h28a8 8 0 0 1 8 8v48H38z"/><path class="green" d="M42 48h36v30H42z"/>'],
      ["Fountain pen", "Steel nib, fine or medium", 64, '<path class="green" d="M16 44h62v12H16z"/><path class="brass" d="M74 44h4v12h-4z"/><path class="deep" d="M78 46h12v8H78z"/><path class="brass" d="m90 46 16 4-16 4z"/>'],
    ],
  },
  {
    id: "letters",
    title: "Letters and gifts",
    goods: [
      ["Letter set", "Twenty sheets, twenty envelopes", 24, '<path class="cream" d="M36 10h48v50H36z"/><path class="drawn" d="M44 22h32M44 30h32M44 38h20"/><path class="rust" d="M24 42h72v42H24z"/><path class="cream" d="m24 42 36 24 36-24-36 12z"/>'],
      ["Wax seal", "Pine cone, with two sticks of wax", 19, '<path class="wood" d="M54 8h12v36H54z"/><path class="brass" d="M48 44h24v12H48z"/><path class="rust" d="M36 74a24 13 0 0 1 48 0 24 13 0 0 1-48 0z"/><path class="deep" d="m60 65 8 9h-4l5 7H51l5-7h-4z"/>'],
      ["Wrapping paper", "Three sheets, printed by hand", 9, '<path class="blue" d="m20 70 66-52 14 16-66 52z"/><path class="cream" d="M20 70a10 10 0 0 0 14 16z"/><path class="drawn" d="m44 62 6 8M60 50l6 8M76 38l6 8"/>'],
      ["Gift card", "Sent by post or by mail", 25, '<path class="green" d="M22 24h76v48H22z"/><path class="brass" d="M54 24h10v48H54z"/><path class="brass" d="M59 34c-16-16-24 0 0 0 24-16 16 0 0 0z"/>'],
    ],
  },
];
