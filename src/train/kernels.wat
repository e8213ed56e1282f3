;; Loops of the optimizers over arrays of one memory. Every array starts at a multiple of 64 bytes and is padded with
;; zeros to one, so that the loops need no remainder.
(module
  (import "env" "memory" (memory 1 65536))

  ;; AdamW, Loshchilov & Hutter 2019, algorithm 2, and the running average of the weights in the same pass:
  ;; g = scale g;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g g
  ;; w = keep w - rate m / (sqrt(v) root + eps);  e = ema e + (1 - ema) w
  ;; From the last element to the first: the norm has just read the gradients forwards, so the last are still in the cache.
  (func (export "adamw") (param $w i32) (param $g i32) (param $m i32) (param $v i32) (param $e i32) (param $end i32)
    (param $scale f32) (param $beta1 f32) (param $beta2 f32) (param $keep f32) (param $rate f32) (param $root f32)
    (param $eps f32) (param $ema f32)
    (local $start i32) (local $size i32) (local $gs v128) (local $ms v128) (local $vs v128) (local $ws v128)
    (local $scales v128) (local $betas1 v128) (local $rest1 v128) (local $betas2 v128) (local $rest2 v128)
    (local $keeps v128) (local $rates v128) (local $roots v128) (local $epses v128) (local $emas v128) (local $rest v128)
    (local.set $scales (f32x4.splat (local.get $scale)))
    (local.set $betas1 (f32x4.splat (local.get $beta1)))
    (local.set $rest1 (f32x4.splat (f32.sub (f32.const 1) (local.get $beta1))))
    (local.set $betas2 (f32x4.splat (local.get $beta2)))
    (local.set $rest2 (f32x4.splat (f32.sub (f32.const 1) (local.get $beta2))))
    (local.set $keeps (f32x4.splat (local.get $keep)))
    (local.set $rates (f32x4.splat (local.get $rate)))
    (local.set $roots (f32x4.splat (local.get $root)))
    (local.set $epses (f32x4.splat (local.get $eps)))
    (local.set $emas (f32x4.splat (local.get $ema)))
    (local.set $rest (f32x4.splat (f32.sub (f32.const 1) (local.get $ema))))
    (local.set $start (local.get $w))
    (local.set $size (i32.sub (local.get $end) (local.get $w)))
    (local.set $w (i32.add (local.get $w) (local.get $size)))
    (local.set $g (i32.add (local.get $g) (local.get $size)))
    (local.set $m (i32.add (local.get $m) (local.get $size)))
    (local.set $v (i32.add (local.get $v) (local.get $size)))
    (local.set $e (i32.add (local.get $e) (local.get $size)))
    (loop $next
      (local.set $w (i32.sub (local.get $w) (i32.const 16)))
      (local.set $g (i32.sub (local.get $g) (i32.const 16)))
      (local.set $m (i32.sub (local.get $m) (i32.const 16)))
      (local.set $v (i32.sub (local.get $v) (i32.const 16)))
      (local.set $e (i32.sub (local.get $e) (i32.const 16)))
      (local.set $gs (f32x4.mul (v128.load (local.get $g)) (local.get $scales)))
      (local.set $ms (f32x4.add
        (f32x4.mul (v128.load (local.get $m)) (local.get $betas1))
        (f32x4.mul (local.get $gs) (local.get $rest1))))
      (v128.store (local.get $m) (local.get $ms))
      (local.set $vs (f32x4.add
        (f32x4.mul (v128.load (local.get $v)) (local.get $betas2))
        (f32x4.mul (f32x4.mul (local.get $gs) (local.get $gs)) (local.get $rest2))))
      (v128.store (local.get $v) (local.get $vs))
      (local.set $ws (f32x4.sub
        (f32x4.mul (v128.load (local.get $w)) (local.get $keeps))
        (f32x4.div
          (f32x4.mul (local.get $ms) (local.get $rates))
          (f32x4.add (f32x4.mul (f32x4.sqrt (local.get $vs)) (local.get $roots)) (local.get $epses)))))
      (v128.store (local.get $w) (local.get $ws))
      (v128.store (local.get $e) (f32x4.add
        (f32x4.mul (v128.load (local.get $e)) (local.get $emas))
        (f32x4.mul (local.get $ws) (local.get $rest))))
      (br_if $next (i32.gt_u (local.get $w) (local.get $start)))))

  ;; Nesterov momentum, Jordan et al. 2024: g = scale g;  m = beta m + g;  u = g + beta m
  (func (export "momentum") (param $g i32) (param $m i32) (param $u i32) (param $end i32) (param $scale f32) (param $beta f32)
    (local $gs v128) (local $ms v128)
    (loop $next
      (local.set $gs (f32x4.mul (v128.load (local.get $g)) (f32x4.splat (local.get $scale))))
      (local.set $ms (f32x4.add (f32x4.mul (v128.load (local.get $m)) (f32x4.splat (local.get $beta))) (local.get $gs)))
      (v128.store (local.get $m) (local.get $ms))
      (v128.store (local.get $u) (f32x4.add (local.get $gs) (f32x4.mul (local.get $ms) (f32x4.splat (local.get $beta)))))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $m (i32.add (local.get $m) (i32.const 16)))
      (local.set $u (i32.add (local.get $u) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $g) (local.get $end)))))

  ;; A finished update: w = keep w - rate u;  e = ema e + (1 - ema) w
  (func (export "descend") (param $w i32) (param $u i32) (param $e i32) (param $end i32)
    (param $keep f32) (param $rate f32) (param $ema f32)
    (local $ws v128)
    (loop $next
      (local.set $ws (f32x4.sub
        (f32x4.mul (v128.load (local.get $w)) (f32x4.splat (local.get $keep)))
        (f32x4.mul (v128.load (local.get $u)) (f32x4.splat (local.get $rate)))))
      (v128.store (local.get $w) (local.get $ws))
      (v128.store (local.get $e) (f32x4.add
        (f32x4.mul (v128.load (local.get $e)) (f32x4.splat (local.get $ema)))
        (f32x4.mul (local.get $ws) (f32x4.splat (f32.sub (f32.const 1) (local.get $ema))))))
      (local.set $w (i32.add (local.get $w) (i32.const 16)))
      (local.set $u (i32.add (local.get $u) (i32.const 16)))
      (local.set $e (i32.add (local.get $e) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $w) (local.get $end)))))

  ;; a = a + b
  (func (export "add") (param $a i32) (param $b i32) (param $end i32)
    (loop $next
      (v128.store (local.get $a) (f32x4.add (v128.load (local.get $a)) (v128.load (local.get $b))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $a) (local.get $end)))))

  ;; Sum of squares in double precision, always in the same order: no finite gradient overflows. Four sums, so that no
  ;; addition waits for the one before it.
  (func (export "squares") (param $a i32) (param $end i32) (result f64)
    (local $x v128) (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (loop $next
      (local.set $x (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $a))))
      (local.set $sum0 (f64x2.add (local.get $sum0) (f64x2.mul (local.get $x) (local.get $x))))
      (local.set $x (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $a))))
      (local.set $sum1 (f64x2.add (local.get $sum1) (f64x2.mul (local.get $x) (local.get $x))))
      (local.set $x (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $a))))
      (local.set $sum2 (f64x2.add (local.get $sum2) (f64x2.mul (local.get $x) (local.get $x))))
      (local.set $x (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $a))))
      (local.set $sum3 (f64x2.add (local.get $sum3) (f64x2.mul (local.get $x) (local.get $x))))
      (local.set $a (i32.add (local.get $a) (i32.const 32)))
      (br_if $next (i32.lt_u (local.get $a) (local.get $end))))
    (local.set $sum0 (f64x2.add (f64x2.add (local.get $sum0) (local.get $sum1)) (f64x2.add (local.get $sum2) (local.get $sum3))))
    (f64.add (f64x2.extract_lane 0 (local.get $sum0)) (f64x2.extract_lane 1 (local.get $sum0)))))
