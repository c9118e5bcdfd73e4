select
    ordered_on,
    cast(date_trunc('month', ordered_on) as date) as order_month,
    count(*) as orders,
    sum(case when status = 'free' then 1 else 0 end) as free_orders,
    count(distinct customer_id) as customers,
    sum(case when is_first_order then 1 else 0 end) as new_customers,
    sum(quantity) as units,
    cast(sum(amount) as decimal(18, 2)) as revenue,
    cast(
        sum(case when is_first_order then amount else cast(0 as decimal(12, 2)) end) as decimal(18, 2)
    ) as new_customer_revenue,
    cast(
        sum(case when is_first_order then cast(0 as decimal(12, 2)) else amount end) as decimal(18, 2)
    ) as returning_customer_revenue
from {{ ref('fct_orders') }}
group by ordered_on
